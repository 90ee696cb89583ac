//! What strangers can send, given to what reads it first. A target panics where a property does not hold.
//!
//! `make fuzz` runs each under libFuzzer, guided by coverage; every test run tries the seeds.

mod cgi;
mod cookie;
mod egress;
mod pattern;
mod route;
mod snapshot;

/// What an input is given to.
pub type Target = fn(&[u8]);

/// Each by the name of its folder of seeds.
pub const TARGETS: [(&str, Target); 6] = [
    ("cgi", cgi::run),
    ("cookie", cookie::run),
    ("egress", egress::run),
    ("pattern", pattern::run),
    ("route", route::run),
    ("snapshot", snapshot::run),
];

#[cfg(test)]
mod tests {
    #[test]
    fn no_seed_is_met_badly() {
        for (name, run) in super::TARGETS {
            let folder = format!("{}/seeds/{name}", env!("CARGO_MANIFEST_DIR"));
            let seeds =
                std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}"));
            let mut tried = 0;
            for seed in seeds {
                let path = seed.expect("the folder can be listed").path();
                run(&std::fs::read(&path).expect("a seed can be read"));
                tried += 1;
            }
            assert!(tried > 0, "{folder} is empty");
        }
    }
}
