//! How to call the new flow: for each of its routes a line to copy, made from the calls that the page documents.

use crate::files::Files;
use crate::page::Step;

/// The flow's routes, each with a call.
pub fn calls(steps: &[(Step, String)], name: &str, stream: bool, files: &mut Files) -> String {
    let mut text = String::new();
    let block = steps.iter().map(|(_, block)| block).find(|it| it.contains("\ncurl "));
    let Some((_, call)) = block.and_then(|it| it.split_once("\ncurl ")) else { return text };
    let call = format!("curl {}", call.split("\n```").next().unwrap_or_default().trim_end());
    let Some(input) = call.split("-d '").nth(1).and_then(|it| it.split('\'').next()) else { return text };
    let route = call.split("localhost:8080").nth(1).and_then(|it| it.split_whitespace().next());
    text += &format!("POST {}\n{}\n", route.unwrap_or_default(), indented(&call));
    let (option, accept) = if stream { ("-N ", " -H 'Accept: text/event-stream'") } else { ("", "") };
    let by_name = format!(
        "curl {option}-X POST localhost:8080/flows/{name} \\\n  \
         -H 'Content-Type: application/json'{accept} -d '{{\"data\": {input}}}'"
    );
    text += &format!("POST /flows/{name}  (by name, as Genkit's clients call it)\n{}\n", indented(&by_name));
    // eject: grpc
    if let Some(method) =
        steps.iter().find_map(|(_, block)| block.trim().strip_prefix("call ")?.split(' ').next())
    {
        let proto = files.text("proto/genkit_sample.proto").unwrap_or_default();
        let word = |start: &str| {
            let line = proto.lines().find_map(|it| it.strip_prefix(start))?;
            line.split([';', ' ', '{']).next()
        };
        if let (Some(package), Some(service)) = (word("package "), word("service ")) {
            let path = format!("{package}.{service}/{method}");
            let call = format!("grpcurl -plaintext -d '{input}' localhost:50051 {path}");
            text += &format!("gRPC {path}\n{}\n", indented(&call));
        }
    }
    // eject: end
    _ = files;
    text
}

fn indented(call: &str) -> String {
    call.lines().map(|it| format!("    {it}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{page, words};

    #[test]
    fn each_route_of_a_new_flow_has_a_call() {
        for (example, stream, route) in
            [(words::WHOLE, false, "/plan-trip"), (words::STREAMED, true, "/plan-trip/stream")]
        {
            let steps = page::steps(include_str!("../../docs/add-a-flow.md")).unwrap();
            let steps: Vec<_> = steps
                .into_iter()
                .filter(|it| it.example == example)
                .map(|it| {
                    let block = words::rename(&it.block, example, "plan_trip");
                    (it, block)
                })
                .collect();
            let mut files = Files::default();
            files.set("proto/genkit_sample.proto", "package a.v1;\nservice B {\n}\n".into()); // eject: grpc
            let text = calls(&steps, "plan_trip", stream, &mut files);
            assert!(text.contains(&format!("localhost:8080{route} ")), "{text}");
            assert!(text.contains("localhost:8080/flows/plan_trip "), "{text}");
            assert!(text.contains(r#"-d '{"data": {"text": "Hello!"}}'"#), "{text}");
            assert_eq!(text.matches("text/event-stream").count(), usize::from(stream), "{text}");
            assert!(text.contains("localhost:50051 a.v1.B/PlanTrip"), "{text}"); // eject: grpc
        }
    }
}
