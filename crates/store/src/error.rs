//! What a failed query means to the layer above, which does not know SQLSTATE.

use sqlx::{error::ErrorKind, migrate::MigrateError};

/// A failed query's meaning.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault<'a> {
    /// The database cannot be reached, or is starting, stopping or full: it may work again soon.
    Away,
    /// The named unique constraint refused the row.
    Taken(&'a str),
    /// A row that was to be referred to does not exist; the named foreign key refused it.
    Dangling(&'a str),
    Other,
}

impl<'a> Fault<'a> {
    pub fn of(error: &'a sqlx::Error) -> Self {
        match error {
            // A protocol error is a server, or what stands before it, that ended in the middle of a word.
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Away,
            sqlx::Error::Database(refusal) => {
                let constraint = refusal.constraint().unwrap_or_default();
                match refusal.kind() {
                    ErrorKind::UniqueViolation => Self::Taken(constraint),
                    ErrorKind::ForeignKeyViolation => Self::Dangling(constraint),
                    _ if refusal.code().is_some_and(|code| is_away(&code)) => Self::Away,
                    _ => Self::Other,
                }
            }
            sqlx::Error::Migrate(failure) => match failure.as_ref() {
                MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                    Self::of(error)
                }
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

/// Class 08 is a broken connection, 57P01 to 57P03 a server that stops or starts, 53300 one with no
/// connection left.
fn is_away(sqlstate: &str) -> bool {
    sqlstate.starts_with("08") || matches!(sqlstate, "57P01" | "57P02" | "57P03" | "53300")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_restarts_is_away_and_a_refused_statement_is_not() {
        assert_eq!(Fault::of(&sqlx::Error::PoolTimedOut), Fault::Away);
        assert!(is_away("08006") && is_away("57P03") && !is_away("57014") && !is_away("42501"));
    }
}
