//! A name server on loopback, with the records that a scenario gives it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use hickory_proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{CNAME, TXT},
    },
};
use tokio::{net::UdpSocket, task::JoinHandle};

#[derive(Default)]
struct Zone {
    records: BTreeMap<(String, RecordType), Vec<RData>>,
    broken: bool,
    asked: Vec<(String, RecordType)>,
}

pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    server: JoinHandle<()>,
}

impl Dns {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await;
        let socket = socket.expect("loopback has a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        let zone = Arc::new(Mutex::new(Zone::default()));
        let serving = Arc::clone(&zone);
        let server = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
                let Ok(query) = Message::from_vec(&buffer[..length]) else {
                    continue;
                };
                let answer = serving
                    .lock()
                    .expect("no scenario panics with it")
                    .answer(&query);
                let answer = answer.to_vec().expect("an answer can be written");
                let _ = socket.send_to(&answer, client).await;
            }
        });
        Self {
            address,
            zone,
            server,
        }
    }

    /// The TXT records of a name, in the place of those before.
    pub(crate) fn text(&self, name: &str, values: &[&str]) {
        let records = values.iter().map(|&value| {
            // A long value is of several strings.
            let (begin, end) = value.split_at(value.len() / 2);
            RData::TXT(TXT::new(vec![begin.to_owned(), end.to_owned()]))
        });
        self.set(name, RecordType::TXT, records.collect());
    }

    pub(crate) fn alias(&self, name: &str, target: &str) {
        let target = Name::from_ascii(format!("{target}.")).expect("it is a name");
        self.set(name, RecordType::CNAME, vec![RData::CNAME(CNAME(target))]);
    }

    fn set(&self, name: &str, kind: RecordType, records: Vec<RData>) {
        let mut zone = self.zone.lock().expect("no scenario panics with it");
        zone.records.insert((name.to_owned(), kind), records);
    }

    /// From now on it answers that it cannot, or again.
    pub(crate) fn break_down(&self, broken: bool) {
        self.zone.lock().expect("no scenario panics with it").broken = broken;
    }

    /// The names and types that it was asked for, each once.
    pub(crate) fn asked(&self) -> Vec<(String, RecordType)> {
        let zone = self.zone.lock().expect("no scenario panics with it");
        let mut asked = zone.asked.clone();
        asked.sort();
        asked.dedup();
        asked
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Zone {
    fn answer(&mut self, query: &Message) -> Message {
        let mut answer = Message::response(query.metadata.id, OpCode::Query);
        answer.metadata.recursion_desired = true;
        answer.metadata.recursion_available = true;
        let Some(question) = query.queries.first() else {
            return answer;
        };
        answer.add_query(question.clone());
        let name = question.name().to_ascii().to_ascii_lowercase();
        let name = name.trim_end_matches('.').to_owned();
        let kind = question.query_type();
        self.asked.push((name.clone(), kind));
        if self.broken {
            answer.metadata.response_code = ResponseCode::ServFail;
            return answer;
        }
        let own = |kind| {
            self.records
                .get(&(name.clone(), kind))
                .cloned()
                .unwrap_or_default()
        };
        let mut records = own(kind);
        // As a recursive server does: what the name is an alias of, and what that one has.
        if records.is_empty()
            && let Some(RData::CNAME(target)) = own(RecordType::CNAME).first()
        {
            let target = target.0.to_ascii().trim_end_matches('.').to_owned();
            let there = self.records.get(&(target.clone(), kind));
            let there = there.into_iter().flatten().cloned();
            let target = Name::from_ascii(format!("{target}.")).expect("it was a name");
            answer.add_answers(there.map(|data| Record::from_rdata(target.clone(), 0, data)));
            records = own(RecordType::CNAME);
        }
        if records.is_empty() && !self.records.keys().any(|(known, _)| *known == name) {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        let own = question.name().clone();
        answer.add_answers(
            records
                .into_iter()
                .map(|data| Record::from_rdata(own.clone(), 0, data)),
        );
        answer
    }
}
