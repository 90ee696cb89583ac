//! The example that a new tenant deploys with one press: prebuilt, its source is in `examples/`.

use std::convert::Infallible;

use bytes::Bytes;
use domain::{FunctionName, deployment::Share};
use futures::stream;
use store::{functions::Function, operations::Operation};

use crate::{
    Developer, Error, Member, Platform, deployments,
    functions::{self, FunctionOverview, Patch},
    uploads,
    versions::{self, About, Created, Source},
};

const MODULE: &[u8] = include_bytes!("../../../examples/rust-api/rust-api.wasm");
const MOST_NAMES: u32 = 100;

/// Makes the function `hello` (or `hello-2`, …), its first version and its deployment.
pub async fn deploy(
    p: &Platform,
    by: &Member<Developer>,
) -> Result<(FunctionOverview, Operation), Error> {
    let body = stream::iter([Ok::<_, Infallible>(Bytes::from_static(MODULE))]);
    let upload = uploads::receive(p, by, Some(MODULE.len() as u64), body).await?;
    let function = create_hello(p, by).await?;
    let id = function.id.to_string();

    let message = "The example".to_owned();
    let about = About {
        message: message.clone(),
        ..About::default()
    };
    let created = versions::create(p, by, &id, Source::Upload(upload.id), about).await?;
    let (Created::New(version) | Created::Same(version)) = created;
    let traffic = vec![Share {
        version: version.number.cast_unsigned(),
        percent: 100,
    }];
    let (_, operation) = deployments::create(p, by, &id, traffic, message).await?;
    Ok((functions::get(p, &by.as_viewer(), &id).await?, operation))
}

async fn create_hello(p: &Platform, by: &Member<Developer>) -> Result<Function, Error> {
    let patch = Patch {
        description: Some("An example: JSON at /hello, a stream at /hello/stream".to_owned()),
        ..Patch::default()
    };
    for number in 1..=MOST_NAMES {
        let name = match number {
            1 => "hello".to_owned(),
            _ => format!("hello-{number}"),
        };
        let name = FunctionName::parse(&name).expect("`hello` and a number are a label");
        match functions::create(p, by, name, patch.clone()).await {
            Ok(overview) => return Ok(overview.function),
            Err(Error::Taken(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let names = format!("the names `hello` to `hello-{MOST_NAMES}` are taken; delete one of them");
    Err(Error::Conflict(names))
}
