//! From what went wrong on the way to another host to the error code that the guest is told.

use std::{error::Error as StdError, io, sync::atomic::Ordering::Relaxed};

use hyper_util::client::legacy;
use wasmtime_wasi_http::Error;

use super::{Refused, connect::Unconnected};
use crate::invocation::Invocation;

/// Before the response's head.
pub(super) fn of_request(error: &legacy::Error, invocation: &Invocation) -> Refused {
    let limit = invocation.limits.outbound_bytes;
    if invocation.outbound_bytes.load(Relaxed) > limit {
        let reason = "the limit of outbound bytes is reached";
        return Refused::new(Error::HttpRequestBodySize(Some(limit)), reason);
    }
    if let Some(unconnected) = cause::<Unconnected>(error) {
        return Refused::new(of_connection(unconnected), unconnected.to_string());
    }
    match cause::<hyper::Error>(error) {
        Some(broken) => Refused::new(of_response(broken), describe(broken)),
        None => Refused::new(Error::ConnectionTerminated, describe(error)),
    }
}

/// In the head, or in the body.
pub(super) fn of_response(error: &hyper::Error) -> Error {
    if error.is_parse_too_large() {
        Error::HttpResponseHeaderSectionSize(None)
    } else if error.is_incomplete_message() {
        Error::HttpResponseIncomplete
    } else if error.is_timeout() {
        Error::HttpResponseTimeout
    } else if error.is_closed() || error.is_canceled() || cause::<io::Error>(error).is_some() {
        Error::ConnectionTerminated
    } else {
        Error::HttpProtocolError
    }
}

fn of_connection(unconnected: &Unconnected) -> Error {
    match unconnected {
        Unconnected::Prohibited { .. } => Error::DestinationIpProhibited,
        Unconnected::Dns(_) => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        Unconnected::NoAddress => Error::DestinationNotFound,
        Unconnected::Connect(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
            io::ErrorKind::TimedOut => Error::ConnectionTimeout,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Error::DestinationIpUnroutable
            }
            _ => Error::DestinationUnavailable,
        },
        Unconnected::Tls(error) => of_handshake(error),
        Unconnected::NoServerName => Error::TlsCertificateError,
        Unconnected::TimedOut(_) => Error::ConnectionTimeout,
        Unconnected::TooMany => Error::ConnectionLimitReached,
    }
}

fn of_handshake(error: &io::Error) -> Error {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
        Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        Some(_) => Error::TlsProtocolError,
        None => Error::ConnectionTerminated,
    }
}

fn cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The innermost cause, which says the most.
fn describe(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    last.to_string()
}
