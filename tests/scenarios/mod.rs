//! One file for each noun of the stories.

mod access;
mod aliases;
mod audit;
mod configuration;
mod console;
mod console_people;
mod demand;
mod fleet;
mod functions;
mod invitations;
mod languages;
mod members;
mod outages;
mod registration;
mod rows;
mod sandbox;
mod sessions;
mod telemetry;
mod tenants;
mod tokens;
mod up;
mod uploads;
mod versions;
