//! Starts the real processes for a scenario, and speaks to them as people do: by HTTP.

pub(crate) mod answer;
pub(crate) mod browser;
pub(crate) mod cluster;
pub(crate) mod fake_worker;
pub(crate) mod guests;
pub(crate) mod line;
pub(crate) mod person;
pub(crate) mod platform;
pub(crate) mod s3;

pub(crate) use answer::Answer;
pub(crate) use browser::Browser;
pub(crate) use person::Person;
pub(crate) use platform::TestPlatform;
