//! What is wrong with a form, kept for the page that shows it again with what was typed.

use control::Error;
use domain::{Invalid, Problems};

use crate::{
    errors::{self, Problem},
    format::{self, Prose},
};

/// Problems by field; those of no field stand above the form.
#[derive(Default)]
pub(crate) struct Faults(Vec<Invalid>);

impl Faults {
    /// What is wrong with the field of that name.
    pub(crate) fn of(&self, field: &str) -> Option<Prose<'_>> {
        let problem = self.0.iter().find(|problem| problem.field == field);
        problem.map(|problem| Prose::new(&problem.detail))
    }

    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// All of them, for a page that has no place for each.
    pub(crate) fn all(&self) -> impl Iterator<Item = Prose<'_>> {
        self.0.iter().map(|problem| Prose::new(&problem.detail))
    }

    /// Whether the cursor belongs here.
    pub(crate) fn is_first(&self, field: &str) -> bool {
        self.0.first().is_some_and(|problem| problem.field == field)
    }

    /// The numbers of fields whose names end so are bytes: told in larger units.
    pub(crate) fn with_sizes(mut self, ending: &str) -> Self {
        let sizes = self
            .0
            .iter_mut()
            .filter(|problem| problem.field.ends_with(ending));
        for problem in sizes {
            let words = problem.detail.split(' ').map(|word| {
                let digits = word.trim_end_matches([',', ';']);
                match digits.parse() {
                    Ok(count) => format::bytes(count) + &word[digits.len()..],
                    Err(_) => word.to_owned(),
                }
            });
            problem.detail = words.collect::<Vec<_>>().join(" ");
        }
        self
    }

    /// What concerns the form as a whole.
    pub(crate) fn whole(&self) -> Option<Prose<'_>> {
        self.of("")
    }
}

impl From<Problems> for Faults {
    fn from(problems: Problems) -> Self {
        Self(problems.0)
    }
}

/// Splits what the person at the form can mend from what takes a page of its own. `fields` are the
/// form's: a problem of any other is told above the form, and a name that is taken is the first's.
pub(crate) fn mendable(error: Error, fields: &[&str]) -> Result<Faults, Problem> {
    let problems = match error {
        Error::Invalid(problems) => problems.0,
        Error::Taken(_) | Error::RouteConflict { .. } => {
            vec![Invalid::new(fields[0], errors::sentence(&error))]
        }
        Error::PreconditionFailed => vec![Invalid::new(
            "",
            "It was changed by somebody else since you opened this page. Reload the page to see how it is now.",
        )],
        Error::WrongCredentials
        | Error::Refused(_)
        | Error::TooLarge { .. }
        | Error::Incomplete
        | Error::Conflict(_)
        | Error::QuotaExceeded { .. }
        | Error::TooManyAttempts { .. } => vec![Invalid::new("", errors::sentence(&error))],
        error => return Err(error.into()),
    };
    let problems = problems.into_iter().map(|problem| {
        // A list is one field of the form, and the problem quotes the item.
        let problem = match problem.field.split_once('[') {
            Some((list, _)) if fields.contains(&list) => {
                let list = list.to_owned();
                problem.at(list)
            }
            _ => problem,
        };
        if problem.field.is_empty() || fields.contains(&problem.field.as_str()) {
            problem
        } else {
            Invalid::new("", problem.to_string())
        }
    });
    Ok(Faults(problems.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_stands_beside_its_field_or_above_the_form() {
        let mut problems = Problems::default();
        problems.push("name", "too long");
        problems.push("colour", "unknown");
        problems.push("hosts[2]", "no scheme of HTTP");
        let Ok(faults) = mendable(Error::Invalid(problems), &["name", "hosts"]) else {
            panic!("can be faults");
        };
        let said = |prose: Option<Prose<'_>>| prose.unwrap().to_string();
        assert_eq!(said(faults.of("name")), "too long");
        assert_eq!(said(faults.whole()), "colour: unknown");
        assert_eq!(said(faults.of("hosts")), "no scheme of HTTP");
        assert!(faults.is_first("name"));
    }

    #[test]
    fn bytes_are_told_in_larger_units() {
        let problem = Invalid::new(
            "limits.memory_bytes",
            "use 1 to 134217728, no more; this is 0",
        );
        let faults = Faults(vec![problem]).with_sizes("_bytes");
        let text = faults.of("limits.memory_bytes").unwrap().to_string();
        assert_eq!(text, "use 1 B to 128 MiB, no more; this is 0 B");
    }

    #[test]
    fn what_nobody_at_the_form_can_mend_is_a_page() {
        assert!(mendable(Error::NotFound("tenant"), &["name"]).is_err());
    }
}
