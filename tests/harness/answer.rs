//! What came back, read to its end, in a form that a scenario can state in a line.

use std::fmt;

use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) async fn read(response: reqwest::Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Self {
            status,
            headers,
            body: response.bytes().await?.to_vec(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap_or("?"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; whatever it was is shown where it is not.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self}"))
    }

    /// The code of a problem, empty for any other answer.
    pub(crate) fn code(&self) -> String {
        serde_json::from_slice::<Value>(&self.body)
            .ok()
            .and_then(|body| body["code"].as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }
}

/// `200 hello`, or `404 not_found: No function answers here` for a problem.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code();
        if code.is_empty() {
            return write!(f, "{} {}", self.status, self.text().trim_end());
        }
        write!(
            f,
            "{} {code}: {}",
            self.status,
            self.json()["detail"].as_str().unwrap_or_default()
        )?;
        for problem in self.json()["problems"].as_array().into_iter().flatten() {
            write!(
                f,
                "\n  {}: {}",
                problem["field"].as_str().unwrap_or("?"),
                problem["detail"].as_str().unwrap_or("?")
            )?;
        }
        Ok(())
    }
}
