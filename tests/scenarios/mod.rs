//! One file for each noun of the stories.

mod access;
mod admin;
mod aliases;
mod audit;
mod configuration;
mod console;
mod demand;
mod fleet;
mod functions;
mod languages;
mod members;
mod outages;
mod plans;
mod rows;
mod sandbox;
mod sessions;
mod telemetry;
mod tokens;
mod up;
mod uploads;
mod versions;
