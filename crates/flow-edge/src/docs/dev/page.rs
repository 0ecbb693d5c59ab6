//! The page's files and what it shows.

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_SECURITY_POLICY;
use schema_example::example_from_defaults;
use serde_json::{Value, json};

use super::{Dev, Procedures};
use crate::flow::{FlowInfo, OperationInfo, StreamForm};
use crate::wire::{Answer, answer};

/// Just enough for the page: its own scripts, styles and answers.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
                   base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What is at one of the paths, in a server of this name with these flows.
pub(in crate::docs) fn answer(
    dev: &Dev,
    name: &str,
    (path, query): (&str, Option<&str>),
    flows: &[FlowInfo],
) -> Option<Answer> {
    match path {
        "/dev/flows" => Some(answer::json(&described(dev, name, flows))),
        "/dev/traces" => traces(dev, query),
        path => file(path, name),
    }
}

/// The page or one of its files.
fn file(path: &str, name: &str) -> Option<Answer> {
    let (content_type, text) = match path {
        "/dev" => (HTML, include_str!("index.html")),
        "/dev/style.css" => (CSS, include_str!("style.css")),
        "/dev/main.js" => (SCRIPT, include_str!("main.js")),
        "/dev/elements.js" => (SCRIPT, include_str!("elements.js")),
        "/dev/form.js" => (SCRIPT, include_str!("form.js")),
        "/dev/fields.js" => (SCRIPT, include_str!("fields.js")),
        "/dev/run.js" => (SCRIPT, include_str!("run.js")),
        "/dev/commands.js" => (SCRIPT, include_str!("commands.js")),
        "/dev/traces.js" => (SCRIPT, include_str!("traces.js")),
        "/dev/waterfall.js" => (SCRIPT, include_str!("waterfall.js")),
        "/dev/messages.js" => (SCRIPT, include_str!("messages.js")),
        _ => return None,
    };
    let bytes = if content_type == HTML {
        text.replace("{name}", name).into()
    } else {
        Bytes::from_static(text.as_bytes())
    };
    let mut answer = answer::whole(HeaderValue::from_static(content_type), bytes);
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    Some(answer)
}

/// All that the page needs to know of the server.
fn described(dev: &Dev, name: &str, flows: &[FlowInfo]) -> Value {
    let procedures = dev.procedures.get();
    json!({
        "name": name,
        "needs_key": dev.needs_key,
        "has_traces": dev.traces.is_some(),
        "has_docs": cfg!(feature = "docs-ui"),
        "rpc": procedures.map(|it| json!({"port": it.port, "encryption": it.encryption})),
        "flows": flows.iter().map(|it| flow(it, procedures)).collect::<Vec<_>>(),
    })
}

fn flow(flow: &FlowInfo, procedures: Option<&Procedures>) -> Value {
    let operation = |it: OperationInfo, streams: bool| {
        json!({
            "route": it.route,
            "summary": it.summary,
            "streams": streams,
            "procedure": procedures.map(|it| format!("{}/{}", it.service, procedure(flow, streams))),
        })
    };
    let operations = flow.unary.map(|it| operation(it, false)).into_iter();
    let operations = operations.chain(flow.streamed.map(|it| operation(it, true)));
    let input = (flow.input.document)();
    json!({
        "name": flow.name,
        "summary": flow.summary(),
        "cached": flow.cached,
        "operations": operations.collect::<Vec<_>>(),
        "chunk": flow.form.map(StreamForm::chunk),
        "input": input,
        "example": filled(input),
        "output": (flow.output.document)(),
    })
}

/// An input to begin with: the defaults, and an example for what must be there. The rest may be left out.
fn filled(schema: &Value) -> Value {
    let mut input = example_from_defaults(schema);
    let is_required =
        |name: &str| schema["required"].as_array().is_some_and(|it| it.iter().any(|it| it == name));
    if let Some(members) = input.as_object_mut() {
        members.retain(|name, _| is_required(name) || schema["properties"][name].get("default").is_some());
    }
    input
}

/// The name of a flow's procedure. Of a flow that also answers at once, the one that streams is called `…Stream`.
fn procedure(flow: &FlowInfo, streams: bool) -> String {
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    let name: String = flow.name.split('_').filter(|it| !it.is_empty()).map(capital).collect();
    if streams && flow.unary.is_some() { name + "Stream" } else { name }
}

/// All traces, or that of `id=…` in the query.
fn traces(dev: &Dev, query: Option<&str>) -> Option<Answer> {
    let traces = dev.traces.as_ref()?;
    let found = match query.and_then(|it| it.strip_prefix("id=")) {
        Some(id) => traces.trace(id)?,
        None => traces.list(),
    };
    Some(answer::json(&found))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::docs::dev::{DATA, PATHS, is_open};
    use crate::schema::TypeInfo;
    use crate::schema::samples::{Request, Response};

    const FLOWS: [FlowInfo; 1] = [FlowInfo {
        name: "say_twice",
        unary: Some(OperationInfo { route: "/say", summary: "Says it." }),
        streamed: Some(OperationInfo { route: "/say/stream", summary: "Says it, bit by bit." }),
        form: Some(StreamForm::Text { member: "said" }),
        cached: false,
        input: TypeInfo::of::<Request>(),
        output: TypeInfo::of::<Response>(),
    }];

    #[derive(Debug)]
    struct OneTrace;

    impl crate::docs::dev::RecentTraces for OneTrace {
        fn list(&self) -> Value {
            json!([{"id": "1"}])
        }

        fn trace(&self, id: &str) -> Option<Value> {
            (id == "1").then(|| json!({"id": id, "spans": []}))
        }
    }

    async fn text(dev: &Dev, path: &str) -> Option<String> {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let body = answer(dev, "x", (path, query), &FLOWS)?.into_body();
        Some(String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn every_path_has_its_file_and_every_file_that_is_named_has_its_path() {
        let dev = Dev { traces: Some(std::sync::Arc::new(OneTrace)), ..Dev::default() };
        let mut named = Vec::new();
        for path in PATHS {
            let text = text(&dev, path).await.unwrap_or_else(|| panic!("{path} is missing"));
            assert!(!text.is_empty(), "{path}");
            let files = text.split(['"', '`', '?']).filter(|it| it.starts_with("/dev/"));
            named.extend(files.map(str::to_owned));
        }
        let unknown: Vec<_> = named.iter().filter(|it| !PATHS.contains(&it.as_str())).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let unused: Vec<_> = PATHS[1..].iter().filter(|it| !named.iter().any(|name| name == *it)).collect();
        assert!(unused.is_empty(), "{unused:?}");
        assert!(DATA.iter().all(|it| PATHS.contains(it) && !is_open(it)));
    }

    #[tokio::test]
    async fn a_flow_is_described_with_its_schema_and_its_procedures() {
        let dev = Dev::default();
        let before: Value = serde_json::from_str(&text(&dev, "/dev/flows").await.unwrap()).unwrap();
        assert_eq!(before["rpc"], Value::Null);
        dev.serves(Some(Procedures { service: "a.v1.Sayer", port: Some(4711), encryption: "none" }));
        let shown: Value = serde_json::from_str(&text(&dev, "/dev/flows").await.unwrap()).unwrap();
        assert_eq!(shown["rpc"], json!({"port": 4711, "encryption": "none"}));
        let flow = &shown["flows"][0];
        assert_eq!(flow["operations"][0]["procedure"], "a.v1.Sayer/SayTwice");
        assert_eq!(flow["operations"][1]["procedure"], "a.v1.Sayer/SayTwiceStream");
        assert_eq!(flow["chunk"], "chunk");
        assert_eq!(flow["example"]["text"], "hello");
        assert_eq!(flow["input"]["properties"]["times"]["maximum"], 10);
    }

    #[test]
    fn an_input_begins_with_defaults_and_what_must_be_there() {
        let schema = json!({
            "type": "object",
            "required": ["title"],
            "properties": {
                "title": {"type": "string"},
                "copies": {"type": "integer", "default": 1},
                "session": {"type": ["string", "null"]},
            },
        });
        let input = filled(&schema);
        assert_eq!(input["copies"], 1);
        assert!(input["title"].is_string() && input.get("session").is_none(), "{input}");
    }

    #[tokio::test]
    async fn traces_are_shown_where_they_are_kept() {
        assert_eq!(text(&Dev::default(), "/dev/traces").await, None);
        let dev = Dev { traces: Some(std::sync::Arc::new(OneTrace)), ..Dev::default() };
        assert_eq!(text(&dev, "/dev/traces").await.unwrap(), r#"[{"id":"1"}]"#);
        assert_eq!(text(&dev, "/dev/traces?id=1").await.unwrap(), r#"{"id":"1","spans":[]}"#);
        assert_eq!(text(&dev, "/dev/traces?id=2").await, None);
    }
}
