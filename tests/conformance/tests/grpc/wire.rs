//! Calls as bytes: what no generated client would send, and gRPC-Web.

use std::net::SocketAddr;

use conformance::proto::test_flows_server::SERVICE_NAME;

use crate::server::PATIENCE;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub http: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|it| it.to_str().unwrap())
    }

    /// The status of an answer that is nothing else.
    pub fn status(&self) -> Option<i32> {
        self.header("grpc-status").map(|it| it.parse().unwrap())
    }
}

/// One message in its frame.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

/// A string field of a message, as protobuf writes it.
pub fn field(number: u8, text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = text.len();
    while length > 0x7f {
        bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap());
    [&bytes[..], text].concat()
}

/// Calls a method of ours over h2c with these bytes.
pub async fn call(to: SocketAddr, method: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let client = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let base = [("content-type", "application/grpc"), ("te", "trailers")];
    let base = base.into_iter().filter(|it| headers.iter().all(|given| given.0 != it.0));
    let headers: Vec<_> = base.chain(headers.iter().copied()).collect();
    send(&client, reqwest::Method::POST, to, &format!("/{SERVICE_NAME}/{method}"), &headers, body).await
}

pub async fn send(
    client: &reqwest::Client,
    method: reqwest::Method,
    to: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Answer {
    let mut request = client.request(method, format!("http://{to}{path}")).body(body).timeout(PATIENCE);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let (http, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { http, headers, body: response.bytes().await.unwrap().to_vec() }
}

/// The frames of a gRPC-Web answer: messages, and the trailers at its end.
pub fn web_frames(mut body: &[u8]) -> (Vec<Vec<u8>>, String) {
    let mut messages = Vec::new();
    while let [flag, a, b, c, d, rest @ ..] = body {
        let (frame, after) = rest.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
        if *flag & 0x80 != 0 {
            assert!(after.is_empty(), "trailers come last");
            return (messages, String::from_utf8(frame.to_vec()).unwrap());
        }
        messages.push(frame.to_vec());
        body = after;
    }
    (messages, String::new())
}
