//! A deployment: which versions of a function take which share of its traffic. Append-only, so a
//! rollback is a new deployment of an old version.

use serde::{Deserialize, Serialize};

use crate::Problems;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "snake_case")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// Its versions compile, or workers load them; the one before it still answers.
    Preparing,
    Live,
    /// A later one took its place.
    Superseded,
    Failed,
}

/// One version's part of a function's traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Share {
    /// The version's number within its function.
    pub version: u32,
    /// 1 to 100; the shares of a deployment sum to 100.
    pub percent: u8,
}

/// Checks that the shares name one or two different versions and sum to 100.
pub fn check_traffic(shares: &[Share]) -> Result<(), Problems> {
    let mut problems = Problems::default();
    if !(1..=2).contains(&shares.len()) {
        problems.push(
            "traffic",
            format!("name one or two versions, these are {}", shares.len()),
        );
    }
    if shares.len() == 2 && shares[0].version == shares[1].version {
        problems.push(
            "traffic[1].version",
            format!("version {} is named twice", shares[1].version),
        );
    }
    for (index, share) in shares.iter().enumerate() {
        if !(1..=100).contains(&share.percent) {
            problems.push(
                format!("traffic[{index}].percent"),
                format!("use 1 to 100, this is {}", share.percent),
            );
        }
    }
    let sum: u32 = shares.iter().map(|share| u32::from(share.percent)).sum();
    if problems.0.is_empty() && sum != 100 {
        problems.push(
            "traffic",
            format!("the percentages must sum to 100, these sum to {sum}"),
        );
    }
    problems.into_result()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shares: &[(u32, u8)]) -> String {
        let shares: Vec<_> = shares
            .iter()
            .map(|&(version, percent)| Share { version, percent })
            .collect();
        check_traffic(&shares).map_or_else(|problems| problems.to_string(), |()| "ok".to_owned())
    }

    #[test]
    fn shares_name_one_or_two_versions_and_sum_to_a_hundred() {
        assert_eq!(check(&[(1, 100)]), "ok");
        assert_eq!(check(&[(1, 90), (2, 10)]), "ok");
        assert_eq!(
            check(&[(1, 90)]),
            "traffic: the percentages must sum to 100, these sum to 90"
        );
        assert_eq!(check(&[]), "traffic: name one or two versions, these are 0");
        assert_eq!(
            check(&[(1, 50), (1, 50)]),
            "traffic[1].version: version 1 is named twice"
        );
        assert_eq!(
            check(&[(1, 100), (2, 0)]),
            "traffic[1].percent: use 1 to 100, this is 0"
        );
    }
}
