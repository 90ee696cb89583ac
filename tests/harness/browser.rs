//! A browser without scripts: keeps cookies, follows redirects, and sends only forms that are on
//! the page it is at, with what is hidden in them.

use std::collections::BTreeMap;

use reqwest::{Method, header};
use url::form_urlencoded;

use super::{Answer, TestPlatform};

const BOUNDARY: &str = "a-boundary-that-no-file-holds";

pub(crate) struct Browser<'a> {
    platform: &'a TestPlatform,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Where it is, and what it shows.
    pub(crate) at: String,
    pub(crate) page: Answer,
}

impl<'a> Browser<'a> {
    /// Opens the first page.
    pub(crate) async fn open(platform: &'a TestPlatform, path: &str) -> Self {
        let page = platform.get("/healthz").await;
        let mut browser = Self {
            platform,
            cookies: BTreeMap::new(),
            at: String::new(),
            page,
        };
        browser.go(path).await;
        browser
    }

    pub(crate) async fn go(&mut self, path: &str) -> &Answer {
        let request = self.request(Method::GET, path);
        self.load(path, request).await
    }

    /// Fills the form of that action and presses its button.
    #[track_caller]
    pub(crate) fn press(
        &mut self,
        action: &str,
        fields: &[(&str, &str)],
    ) -> impl Future<Output = &Answer> {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(self.hidden_fields(action));
        body.extend_pairs(fields);
        let request = self
            .request(Method::POST, action)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body.finish());
        self.load(action, request)
    }

    /// Fills the form of that action, which has a field for a file.
    #[track_caller]
    pub(crate) fn upload(
        &mut self,
        action: &str,
        fields: &[(&str, &str)],
        module: &[u8],
    ) -> impl Future<Output = &Answer> {
        let mut body = Vec::new();
        let hidden = self.hidden_fields(action);
        let typed = fields.iter().map(|&(name, value)| (name, value));
        let all = hidden.iter().map(|(name, value)| (&**name, &**value));
        for (name, value) in all.chain(typed) {
            let part = format!(
                "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
            body.extend(part.into_bytes());
        }
        let file = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"module\"; filename=\"a.wasm\"\r\n\
             content-type: application/wasm\r\n\r\n"
        );
        body.extend(file.into_bytes());
        body.extend(module);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = self
            .request(Method::POST, action)
            .header(header::CONTENT_TYPE, kind)
            .body(body);
        self.load(action, request)
    }

    /// A request as the browser would send it, for a scenario to spoil.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        self.platform
            .http
            .request(method, self.platform.api_url(path))
            .header(header::ACCEPT, "text/html,*/*;q=0.8")
            .header(header::COOKIE, cookies.collect::<Vec<_>>().join("; "))
    }

    /// The hidden fields of the page's form of that action, its token first.
    #[track_caller]
    pub(crate) fn hidden_fields(&self, action: &str) -> Vec<(String, String)> {
        let html = self.page.text();
        let form = html
            .split("<form ")
            .skip(1)
            .filter_map(|form| form.split("</form>").next())
            .find(|form| attribute(form, "action").as_deref() == Some(action));
        let form =
            form.unwrap_or_else(|| panic!("no form of {action} at {}: {}", self.at, self.page));
        form.split("<input type=\"hidden\"")
            .skip(1)
            .map(|input| {
                let name = attribute(input, "name").expect("a hidden field has a name");
                (name, attribute(input, "value").unwrap_or_default())
            })
            .collect()
    }

    async fn load(&mut self, path: &str, request: reqwest::RequestBuilder) -> &Answer {
        self.at = path.to_owned();
        self.page = self.platform.answer(request).await;
        self.keep_cookies();
        while matches!(self.page.status, 302 | 303) {
            self.at = self.page.header("location").to_owned();
            let request = self.request(Method::GET, &self.at);
            self.page = self.platform.answer(request).await;
            self.keep_cookies();
        }
        &self.page
    }

    fn keep_cookies(&mut self) {
        for cookie in self.page.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("cookies are ASCII");
            let (pair, attributes) = cookie.split_once(';').expect("cookies have attributes");
            let (name, value) = pair.split_once('=').expect("a cookie is a pair");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// The value of the first attribute of that name, its character references resolved as far as the
/// console writes any.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&#38;", "&").replace("&#34;", "\""))
}
