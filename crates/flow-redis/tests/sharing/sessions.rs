//! Conversations that all replicas share.

use std::sync::Arc;
use std::time::Duration;

use flow_runtime::{SessionKey, SessionSettings, SessionStore as _};
use tokio::time::sleep;

use crate::server::Server;

fn turns(all: &[&str]) -> Vec<Arc<str>> {
    all.iter().map(|it| Arc::from(*it)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_replica_adds_the_other_knows_within_the_bounds() {
    let Some(server) = Server::start().await else { return };
    let (one, other) = (server.store().await, server.store().await);
    let settings = SessionSettings {
        ttl: Duration::from_millis(500),
        max_turns: 3,
        max_bytes: 12,
        ..SessionSettings::default()
    };
    let key = SessionKey::new("tenant", "a");
    assert_eq!(one.turns(&key).await, Some(vec![]));
    for (nth, store) in [&one, &other, &one, &other].into_iter().enumerate() {
        store.add(&key, &nth.to_string().into(), &settings).await;
    }
    assert_eq!(one.turns(&key).await, Some(turns(&["1", "2", "3"])), "the most turns");
    other.add(&key, &"ä23456789".into(), &settings).await;
    assert_eq!(one.turns(&key).await, Some(turns(&["2", "3", "ä23456789"])), "the most bytes");
    assert_eq!(one.turns(&SessionKey::new("", "tenanta")).await, Some(vec![]), "another tenant's");
    sleep(Duration::from_millis(700)).await;
    assert_eq!(other.turns(&key).await, Some(vec![]), "its time is over");
    one.add(&key, &"x".into(), &settings).await;
    other.remove(&key).await;
    assert_eq!(one.turns(&key).await, Some(vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_that_come_at_once_are_all_kept() {
    let Some(server) = Server::start().await else { return };
    let stores = [server.store().await, server.store().await];
    let key = SessionKey::new("", "a");
    let settings = SessionSettings::default();
    let texts: Vec<Arc<str>> = (0..40).map(|it| it.to_string().into()).collect();
    let adding = texts.iter().enumerate().map(|(nth, turn)| stores[nth % 2].add(&key, turn, &settings));
    futures_util::future::join_all(adding).await;
    let mut kept = stores[0].turns(&key).await.unwrap();
    kept.sort_by_key(|it| it.parse::<usize>().unwrap());
    assert_eq!(kept, texts);
}
