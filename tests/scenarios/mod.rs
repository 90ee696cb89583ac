//! One file for each noun of the stories.

mod access;
mod aliases;
mod audit;
mod configuration;
mod console;
mod demand;
mod domains;
mod fleet;
mod functions;
mod languages;
mod members;
mod outages;
mod routes;
mod rows;
mod sandbox;
mod sessions;
mod telemetry;
mod tokens;
mod up;
mod uploads;
mod versions;
