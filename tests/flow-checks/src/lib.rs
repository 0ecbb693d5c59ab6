//! Whether a program serves its flows as its table of flows and its OpenAPI document say. It holds for whatever
//! flows there are; what fails names the flow and the file to edit.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test's own tool, which fails loudly"
)]

use std::collections::BTreeSet;
use std::path::Path;

use flow_edge::FlowInfo;
use harness::Process;
use reqwest::Client;
use schema_example::example_from_defaults;
use serde_json::{Value, json};

/// A program with these flows, on one framework.
#[derive(Debug)]
pub struct Served {
    framework: &'static str,
    table: &'static [FlowInfo],
    process: Process,
    document: Value,
    client: Client,
}

/// Starts the program on each of these frameworks, with the demo model.
pub async fn serve(program: &Path, frameworks: &[&'static str], table: &'static [FlowInfo]) -> Vec<Served> {
    let environment = [("DEBUG", "true"), ("MODEL", "demo"), ("RATE_LIMIT_DEFAULT", "1000000/second")];
    let mut served = Vec::new();
    for framework in frameworks {
        let process = Process::start(program, &["--framework", framework], &environment);
        let client = Client::builder().no_proxy().build().unwrap();
        let document = client.get(format!("http://{}/openapi.json", process.address)).send().await.unwrap();
        let document = document.json().await.unwrap();
        served.push(Served { framework, table, process, document, client });
    }
    served
}

/// All frameworks have the same document, and every schema in it is used.
pub fn assert_the_same_documents(served: &[Served]) {
    let Some((first, others)) = served.split_first() else { return };
    for other in others {
        assert!(
            first.document == other.document,
            "{} and {} describe different operations: compare their adapters/*/src/routes.rs",
            first.framework,
            other.framework
        );
    }
    let text = first.document.to_string();
    for schema in first.document["components"]["schemas"].as_object().unwrap().keys() {
        let used = text.contains(&format!("#/components/schemas/{schema}\""));
        // The result of a flow that only streams is seen by name alone, where it stands in place.
        let by_name = first.table.iter().any(|it| it.unary.is_none() && it.output.name == schema);
        assert!(used || by_name, "{schema} is described but not used");
    }
}

impl Served {
    /// Every flow of the table has its routes here, and every route is a flow's.
    pub fn assert_routes(&self) {
        let routes = format!("adapters/{}/src/routes.rs", self.framework);
        let described: BTreeSet<_> = self.operations().into_iter().map(|it| it.0).collect();
        let mut known: BTreeSet<_> = ["/health", "/ready"].map(str::to_owned).into();
        for flow in self.table {
            for operation in flow.unary.iter().chain(&flow.streamed) {
                let route = operation.route;
                assert!(described.contains(route), "{} has no route in {routes}: {route}", flow.name);
                known.insert(route.to_owned());
            }
            let by_name = format!("/flows/{}", flow.name);
            assert!(described.contains(&by_name), "{} is not described: {by_name}", flow.name);
            known.insert(by_name);
        }
        for path in described {
            assert!(known.contains(&path), "{path} in {routes} is the route of no flow in api/src/lib.rs");
        }
    }

    /// Every operation answers an example of its input as it is described.
    pub async fn assert_answers(&self) {
        for (path, method) in self.operations() {
            let (who, body) = self.call(&path);
            let who = format!("{who}: {} {path} on {}", method.to_uppercase(), self.framework);
            let url = format!("http://{}{path}", self.process.address);
            let request =
                if method == "get" { self.client.get(url) } else { self.client.post(url).json(&body) };
            let response = request.send().await.unwrap();
            let status = response.status();
            let content_type = response.headers().get("content-type");
            let media_type = content_type.map_or("", |it| it.to_str().unwrap()).to_owned();
            let text = response.text().await.unwrap();
            assert!(
                status != 404,
                "{who} is not found: is its handler in adapters/{}/src/routes.rs?",
                self.framework
            );
            assert_eq!(status, 200, "{who} with {body}: {text}");
            let described = &self.document["paths"][&path][&method]["responses"]["200"]["content"];
            let described = &described[&media_type]["schema"];
            assert!(described.is_object(), "{who} answers with {media_type}, which is not described");
            if media_type == "application/json" {
                // The reference points into the document, so the validator gets all of it.
                let schema = json!({"allOf": [described], "components": self.document["components"]});
                let validator = jsonschema::draft202012::new(&schema).unwrap();
                let answer = serde_json::from_str(&text).unwrap();
                assert!(validator.is_valid(&answer), "{who} answers otherwise than described: {text}");
            }
        }
    }

    /// Which flow a path calls, and a body to call it with.
    fn call(&self, path: &str) -> (&'static str, Value) {
        for flow in self.table {
            let input = || example_from_defaults((flow.input.document)());
            if flow.unary.iter().chain(&flow.streamed).any(|it| it.route == path) {
                return (flow.name, input());
            }
            if path.strip_prefix("/flows/") == Some(flow.name) {
                return (flow.name, json!({"data": input()}));
            }
        }
        (if ["/health", "/ready"].contains(&path) { "a probe" } else { "a route of no flow" }, Value::Null)
    }

    /// Path and method of every operation that is described.
    fn operations(&self) -> Vec<(String, String)> {
        let paths = self.document["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| (path.clone(), method.clone()))
        });
        operations.collect()
    }
}
