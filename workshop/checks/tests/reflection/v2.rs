//! Version 2: the program connects to the tools.

use std::time::Duration;

use serde_json::{Value, json};

use crate::tools::{Manager, Telemetry};
use crate::world::Folder;

fn environment(manager: &Manager) -> [(&str, &str); 3] {
    [
        ("GENKIT_ENV", "dev"),
        ("GENKIT_REFLECTION_V2_SERVER", &manager.url),
        ("GENKIT_REFLECTION_SECRET_TOKEN", "abc"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_registers_lists_runs_and_can_be_cancelled() {
    let (folder, manager, telemetry) = (Folder::new(), Manager::start().await, Telemetry::start().await);
    let mut program = folder.start(&environment(&manager));
    let (mut tools, register) = manager.accept().await;
    assert_eq!(register["id"], "1");
    assert_eq!(register["params"]["reflectionApiSpecVersion"], 1);
    assert_eq!(register["params"]["secret"], "abc");
    assert!(folder.found().is_empty(), "there is no file");
    let registered = json!({"jsonrpc": "2.0", "id": "1", "result": {"telemetryServerUrl": telemetry.url}});
    tools.send(&registered).await;

    let id = tools.ask("listActions", &Value::Null).await;
    let listed = tools.until_answered(&id).await.pop().unwrap();
    assert_eq!(listed["result"]["actions"]["/flow/tell_joke"]["name"], "tell_joke");

    let run = json!({"key": "/flow/tell_story", "input": {}, "stream": true, "streamInput": false});
    let id = tools.ask("runAction", &run).await;
    let said = tools.until_answered(&id).await;
    assert_eq!(said[0]["method"], "runActionState");
    assert_eq!(said[0]["params"]["requestId"], id);
    let trace = said[0]["params"]["state"]["traceId"].as_str().unwrap().to_owned();
    let (end, chunks) = said[1..].split_last().unwrap();
    let text: String = chunks.iter().map(|it| it["params"]["chunk"].as_str().unwrap()).collect();
    assert_eq!(end["result"]["result"]["story"], text);
    assert_eq!(end["result"]["telemetry"]["traceId"], trace);
    let posts = telemetry.of(&trace);
    assert!(posts.iter().any(|it| it["displayName"] == "tell_story" && it["endTime"].is_f64()), "{posts:?}");

    // It is cancelled while it runs.
    let run = tools.ask("runAction", &run).await;
    let trace = tools.read().await["params"]["state"]["traceId"].clone();
    tools.ask("cancelAction", &json!({"traceId": trace})).await;
    let end = tools.until_answered(&run).await.pop().unwrap();
    assert_eq!((&end["error"]["code"], &end["error"]["data"]["code"]), (&json!(-32000), &json!(1)));
    assert!(end["error"]["data"]["details"].is_object());

    let id = tools.ask("runAction", &json!({"key": "/flow/x"})).await;
    let unknown = tools.until_answered(&id).await.pop().unwrap();
    assert_eq!((&unknown["error"]["code"], &unknown["error"]["data"]["code"]), (&json!(-32602), &json!(5)));
    let id = tools.ask("else", &json!({})).await;
    assert_eq!(tools.until_answered(&id).await.pop().unwrap()["error"]["code"], -32601);

    program.signal("TERM");
    assert!(tools.is_closed().await);
    assert_eq!(program.wait(Duration::from_secs(10)).await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_made_again_unless_the_tools_refuse_the_secret() {
    let (folder, manager) = (Folder::new(), Manager::start().await);
    let program = folder.start(&environment(&manager));
    let (tools, _) = manager.accept().await;
    drop(tools);
    let (mut tools, register) = manager.accept().await;
    assert_eq!(register["method"], "register");
    let refused = json!({"jsonrpc": "2.0", "id": "1", "error": {"code": -32001, "message": "no"}});
    tools.send(&refused).await;
    program.find(|line| {
        let message = line["message"].as_str()?;
        message.contains("refuse GENKIT_REFLECTION_SECRET_TOKEN").then_some(())
    });
    assert!(tools.is_closed().await);
    let again = tokio::time::timeout(Duration::from_secs(3), manager.accept()).await;
    assert!(again.is_err(), "it does not try again");
}
