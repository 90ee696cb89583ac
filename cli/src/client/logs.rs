//! `atoll logs`: what a function wrote, oldest first, and on as it is written.

use std::{collections::BTreeSet, time::Duration};

use domain::{RequestId, rest::logs::LineView};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::time::sleep;

use super::{
    api::read,
    args::Logs,
    context::{Context, Here},
    failure::Failure,
    output::{Output, printable},
    text::{FunctionRef, rfc3339},
};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Workers tell their lines each by itself: those of one may come that much later than another's.
const LATE: time::Duration = time::Duration::seconds(10);
/// Of one look, so that a flood is told in pieces.
const MOST: usize = 10_000;

pub(crate) async fn logs(context: &Context, args: Logs) -> Result<(), Failure> {
    let function = context.function(&args.of)?;
    let here = context.here().await?;
    let mut query = Vec::new();
    let mut given = |name, value: Option<String>| query.extend(value.map(|value| (name, value)));
    given("level", args.level);
    given("stream", args.stream);
    given("q", args.query);
    given("request_id", args.request.map(|id| id.to_string()));
    given("until", args.until.map(|until| until.moment()));
    let since = args.since.map(|since| since.moment());

    let mut told = Telling {
        out: context.out,
        from: None,
        newest: None,
        seen: BTreeSet::new(),
    };
    let first = look(&here, &function, &query, since.clone(), args.limit).await?;
    let is_cut = first.len() >= args.limit;
    told.tell(first)?;
    // Those before were not asked for, and must not come with a later look.
    told.from = told.seen.first().copied().filter(|_| is_cut);
    if !args.follow {
        if told.newest.is_none() {
            context.out.note("There are no such lines.");
        }
        return Ok(());
    }
    let mut is_away = false;
    loop {
        sleep(LOOK_EVERY).await;
        let since = told
            .newest
            .map(|newest| rfc3339(newest - LATE))
            .or_else(|| since.clone());
        match look(&here, &function, &query, since, MOST).await {
            Ok(lines) => {
                is_away = false;
                told.tell(lines)?;
            }
            Err(failure @ Failure::Unreachable(_)) => {
                if !is_away {
                    context.out.note(format!("note: {failure}; still trying"));
                }
                is_away = true;
            }
            Err(failure) if failure.is_status(503) || failure.is_status(429) => {}
            Err(failure) => return Err(failure),
        }
    }
}

async fn look(
    here: &Here,
    function: &FunctionRef,
    query: &[(&str, String)],
    since: Option<String>,
    limit: usize,
) -> Result<Vec<Value>, Failure> {
    let mut query = query.to_vec();
    query.extend(since.map(|since| ("since", since)));
    here.api
        .list(&here.of(function, "/logs"), &query, limit)
        .await
}

/// Tells each line once.
struct Telling {
    out: Output,
    from: Option<Key>,
    newest: Option<OffsetDateTime>,
    /// Those that may be met again.
    seen: BTreeSet<Key>,
}

/// The order in which lines were written, as well as it is known.
type Key = (OffsetDateTime, RequestId, i32);

impl Telling {
    fn tell(&mut self, lines: Vec<Value>) -> Result<(), Failure> {
        let mut fresh = Vec::new();
        for raw in lines {
            let line: LineView = read(&raw)?;
            let key = (line.at, line.request_id, line.number);
            if self.from.is_none_or(|from| key >= from) && self.seen.insert(key) {
                fresh.push((key, line, raw));
            }
        }
        fresh.sort_by_key(|(key, ..)| *key);
        for ((at, ..), line, raw) in fresh {
            self.newest = self.newest.max(Some(at));
            // A line each in either form, since there may always be more.
            match self.out.json {
                true => self.out.line(raw.to_string())?,
                false => self.out.line(shown(&line))?,
            }
        }
        let kept_from = self.newest.map(|newest| newest - LATE);
        self.seen
            .retain(|(at, ..)| kept_from.is_none_or(|from| *at >= from));
        Ok(())
    }
}

fn shown(line: &LineView) -> String {
    const SHAPE: &[time::format_description::FormatItem<'_>] = time::macros::format_description!(
        "[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3]Z"
    );
    let at = line
        .at
        .to_offset(time::UtcOffset::UTC)
        .format(SHAPE)
        .unwrap_or_default();
    let (version, level) = (line.version, printable(&line.level));
    format!("{at}  v{version}  {level:<5}  {}", printable(&line.text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_met_again_is_not_told_again() {
        let request = RequestId::generate();
        let line = |second: u32, number: u32| {
            json!({
                "request_id": request, "number": number, "version": 1, "at": format!("2026-01-31T12:00:{second:02}Z"),
                "stream": "stdout", "level": "info", "text": "",
            })
        };
        let mut told = Telling {
            out: Output { json: false },
            from: None,
            newest: None,
            seen: BTreeSet::new(),
        };
        told.tell(vec![line(1, 1), line(2, 2)]).unwrap();
        assert_eq!(told.seen.len(), 2);
        told.from = told.seen.first().copied();
        told.tell(vec![line(0, 0)]).unwrap();
        assert_eq!(told.seen.len(), 2, "it was not asked for");
        told.tell(vec![line(1, 1), line(20, 3)]).unwrap();
        // Those before the window are forgotten, and not asked for again.
        assert_eq!(told.seen.len(), 1);
        assert_eq!(told.newest.map(|at| at.second()), Some(20));
    }

    #[test]
    fn a_line_is_shown_with_its_version_and_level() {
        let line: LineView = serde_json::from_value(json!({
            "request_id": RequestId::generate(), "number": 1, "version": 3, "at": "2026-01-31T12:00:00.0425Z",
            "stream": "log", "level": "warn", "text": "low\u{1b}[31m",
        }))
        .unwrap();
        assert_eq!(
            shown(&line),
            "2026-01-31 12:00:00.042Z  v3  warn   low\\u{1b}[31m"
        );
    }
}
