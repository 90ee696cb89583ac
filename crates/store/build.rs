//! `sqlx::migrate!` does not see a migration that was added; this makes cargo look.
fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
