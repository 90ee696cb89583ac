//! Starts the real processes for a scenario, and speaks to them as people do: by HTTP.

pub mod answer;
pub mod cluster;
pub mod guests;
pub mod line;
pub mod person;
pub mod platform;
pub mod s3;

pub use answer::Answer;
pub use person::Person;
pub use platform::TestPlatform;
