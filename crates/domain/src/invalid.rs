//! What is wrong with an input: the field and what to do about it. A body's problems are
//! collected, so that a caller mends them in one go.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One problem of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[error("{field}: {detail}")]
pub struct Invalid {
    /// The field's name as the caller spelt it, `name` or `traffic[1].percent`.
    pub field: String,
    /// What was expected, what was seen.
    pub detail: String,
}

impl Invalid {
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            detail: detail.into(),
        }
    }

    /// The same problem, told of another field.
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = field.into();
        self
    }
}

/// All problems of one input, in the order they were met.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Invalid>);

impl Problems {
    /// Keeps the value of a field that parsed, and the problem of one that did not.
    pub fn keep<T>(&mut self, field: &str, parsed: Result<T, Invalid>) -> Option<T> {
        parsed
            .map_err(|problem| self.0.push(problem.at(field)))
            .ok()
    }

    pub fn push(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.0.push(Invalid::new(field, detail));
    }

    /// `Ok` where nothing was wrong.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl From<Invalid> for Problems {
    fn from(problem: Invalid) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}
