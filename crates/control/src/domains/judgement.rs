//! What a look at a domain's records means for the tenants that asked for the name.

use domain::{Timestamp, domain_name::DomainState};
use store::domains::Domain;
use time::Duration;

use crate::dns::{Found, Unanswered};

/// A domain whose proof is gone is served this much longer: people clear up their DNS, and zones break.
pub(super) const GRACE: Duration = Duration::days(3);
const DAILY: Duration = Duration::days(1);
const HOURLY: Duration = Duration::HOUR;
/// Of the first look that finds nothing; each further one waits twice as long.
const FIRST_WAIT: Duration = Duration::MINUTE;
const LONGEST_WAIT: Duration = Duration::hours(6);
/// Values kept to show what stands in the place of the proof.
const MOST_SEEN: usize = 5;

/// Who has this name, and what his record says.
pub(super) struct Claim<'a> {
    pub(super) domain: &'a Domain,
    pub(super) proof: String,
}

impl Claim<'_> {
    fn is_proven(&self, texts: &[String]) -> bool {
        texts.iter().any(|text| text.trim() == self.proof)
    }
}

/// What the look leaves `own` with, and the other tenant's that lost the name by it.
pub(super) fn judge(
    own: &Claim<'_>,
    others: &[Claim<'_>],
    found: Result<Found, Unanswered>,
    now: Timestamp,
) -> (Domain, Option<Domain>) {
    let before = own.domain;
    let mut after = Domain {
        last_checked_at: Some(now),
        ..before.clone()
    };
    let mut loser = None;
    match found {
        // Nobody can tell: what was proven stays so.
        Err(unanswered) => {
            after.problem = Some(format!("{unanswered}; they are asked again"));
            miss(&mut after, now);
        }
        Ok(found) => {
            after.points_here = found.points_here;
            after.seen = seen(own, &found.texts);
            let holder = others.iter().find(|other| other.domain.state.is_served());
            if !own.is_proven(&found.texts) {
                after.problem = Some(missing(before, &found.texts));
                lose_proof(&mut after, now);
            } else if holder.is_some_and(|holder| holder.is_proven(&found.texts)) {
                let problem =
                    "another tenant serves it, whose record is there as well and has to go first";
                after.problem = Some(problem.to_owned());
                miss(&mut after, now);
            } else {
                loser = holder.map(|holder| pass_over(holder.domain, now));
                after.state = DomainState::Verified;
                after.problem = None;
                after.misses = 0;
                after.failing_since = None;
                after.next_check_at = now + DAILY;
                if !before.state.is_served() {
                    after.verified_at = Some(now);
                }
            }
        }
    }
    if after.state != before.state {
        after.revision += 1;
        after.updated_at = now;
    }
    (after, loser)
}

/// Its own proof first, if it is there.
fn seen(own: &Claim<'_>, texts: &[String]) -> Vec<String> {
    let proof = own.is_proven(texts).then(|| own.proof.clone());
    let others = texts.iter().filter(|text| text.trim() != own.proof);
    proof
        .into_iter()
        .chain(others.cloned())
        .take(MOST_SEEN)
        .collect()
}

fn missing(domain: &Domain, texts: &[String]) -> String {
    let challenge = domain.name.challenge();
    match texts.len() {
        0 => format!("there is no TXT record at {challenge}"),
        _ => format!("no TXT record at {challenge} has the value that proves it"),
    }
}

fn lose_proof(domain: &mut Domain, now: Timestamp) {
    match (domain.state, domain.failing_since) {
        (DomainState::Verified, _) | (DomainState::Failing, None) => {
            domain.state = DomainState::Failing;
            domain.failing_since = Some(now);
        }
        (DomainState::Failing, Some(since)) if now - since >= GRACE => {
            domain.state = DomainState::Pending;
            domain.failing_since = None;
        }
        (DomainState::Failing | DomainState::Pending, _) => {}
    }
    miss(domain, now);
}

fn miss(domain: &mut Domain, now: Timestamp) {
    let wait = if domain.state.is_served() {
        HOURLY
    } else {
        // 2^9 minutes are more than the longest.
        (FIRST_WAIT * (1_i32 << domain.misses.clamp(0, 9))).min(LONGEST_WAIT)
    };
    domain.misses = domain.misses.saturating_add(1);
    domain.next_check_at = now + wait;
}

/// Whoever owns the zone has put another's proof in the place of this one's.
fn pass_over(holder: &Domain, now: Timestamp) -> Domain {
    Domain {
        state: DomainState::Pending,
        problem: Some(
            "another tenant has proven it, and the record that proved it here is gone".to_owned(),
        ),
        failing_since: None,
        misses: 0,
        next_check_at: now + HOURLY,
        revision: holder.revision + 1,
        updated_at: now,
        ..holder.clone()
    }
}

#[cfg(test)]
mod tests {
    use domain::{DomainId, TenantId};

    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn domain(slug: &str, state: DomainState) -> Domain {
        Domain {
            id: DomainId::generate(),
            tenant: TenantId::generate(),
            slug: slug.parse().unwrap(),
            name: "shop.example".parse().unwrap(),
            state,
            problem: None,
            seen: Vec::new(),
            points_here: None,
            misses: 0,
            last_checked_at: None,
            next_check_at: START,
            verified_at: None,
            failing_since: (state == DomainState::Failing).then_some(START),
            revision: 1,
            created_at: START,
            updated_at: START,
        }
    }

    fn claim(domain: &Domain) -> Claim<'_> {
        Claim {
            domain,
            proof: format!("proof of {}", domain.slug),
        }
    }

    fn look(
        own: &Domain,
        others: &[&Domain],
        texts: &[&str],
        after: Duration,
    ) -> (Domain, Option<Domain>) {
        let others: Vec<_> = others.iter().map(|other| claim(other)).collect();
        let found = Found {
            texts: texts.iter().map(|&text| text.to_owned()).collect(),
            points_here: None,
        };
        judge(&claim(own), &others, Ok(found), START + after)
    }

    #[test]
    fn a_proof_verifies_and_its_absence_waits_longer_each_time() {
        let mut acme = domain("acme", DomainState::Pending);
        let mut waits = Vec::new();
        for _ in 0..12 {
            acme = look(&acme, &[], &["something else"], Duration::ZERO).0;
            waits.push((acme.next_check_at - START).whole_minutes());
        }
        assert_eq!(waits[..4], [1, 2, 4, 8]);
        assert_eq!(waits[11], 360);
        assert_eq!(acme.seen, ["something else"]);
        assert_eq!((acme.state, acme.revision), (DomainState::Pending, 1));

        acme = look(&acme, &[], &["x", "proof of acme "], Duration::HOUR).0;
        assert_eq!((acme.state, acme.misses), (DomainState::Verified, 0));
        assert_eq!(acme.seen, ["proof of acme", "x"]);
        assert_eq!(acme.verified_at, Some(START + Duration::HOUR));
        assert_eq!(acme.revision, 2);
    }

    #[test]
    fn a_proof_that_is_gone_for_days_ends_the_domain_and_one_that_comes_back_does_not() {
        let verified = domain("acme", DomainState::Verified);
        let failing = look(&verified, &[], &[], Duration::HOUR).0;
        assert_eq!(failing.state, DomainState::Failing);
        assert_eq!(failing.failing_since, Some(START + Duration::HOUR));
        let later = look(&failing, &[], &[], Duration::days(3)).0;
        assert_eq!(later.state, DomainState::Failing);
        let back = look(&later, &[], &["proof of acme"], Duration::days(3)).0;
        assert_eq!(
            (back.state, back.failing_since),
            (DomainState::Verified, None)
        );
        let ended = look(&later, &[], &[], Duration::days(4)).0;
        assert_eq!(
            (ended.state, ended.failing_since),
            (DomainState::Pending, None)
        );
    }

    #[test]
    fn name_servers_that_are_away_prove_nothing_and_end_nothing() {
        for state in [
            DomainState::Pending,
            DomainState::Verified,
            DomainState::Failing,
        ] {
            let acme = domain("acme", state);
            let at = START + Duration::days(30);
            let (after, loser) = judge(&claim(&acme), &[], Err(Unanswered::TimedOut), at);
            assert_eq!((after.state, after.revision), (state, 1));
            assert!(after.problem.is_some() && loser.is_none());
        }
    }

    #[test]
    fn a_name_passes_over_only_when_the_proof_of_who_serves_it_is_gone() {
        let (acme, globex) = (
            domain("acme", DomainState::Verified),
            domain("globex", DomainState::Pending),
        );
        let both = ["proof of acme", "proof of globex"];
        let (waits, loser) = look(&globex, &[&acme], &both, Duration::HOUR);
        assert_eq!(waits.state, DomainState::Pending);
        assert!(loser.is_none() && waits.problem.unwrap().contains("another tenant serves it"));

        let (won, loser) = look(&globex, &[&acme], &["proof of globex"], Duration::HOUR);
        assert_eq!(won.state, DomainState::Verified);
        let lost = loser.unwrap();
        assert_eq!(
            (lost.tenant, lost.state),
            (acme.tenant, DomainState::Pending)
        );

        // Of two that only ask, the one whose record is there gets it.
        let asks = domain("initech", DomainState::Pending);
        let (won, loser) = look(&globex, &[&asks], &["proof of globex"], Duration::HOUR);
        assert!(won.state == DomainState::Verified && loser.is_none());
        // And whoever serves it keeps it, whatever stands beside his record.
        let (kept, _) = look(&acme, &[&globex], &both, Duration::HOUR);
        assert_eq!(kept.state, DomainState::Verified);
    }
}
