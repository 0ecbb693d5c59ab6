//! A client that leaves is noticed, also in silence.

use std::time::{Duration, Instant};

use fake_gemini::{Ended, FakeGemini, Gate, Reply};

use crate::{SOON, client, post, prompt, streamed};

/// How soon the fake must know.
const PROMPT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_drop_is_seen_before_the_headers_after_them_and_between_chunks() {
    let fake = FakeGemini::start().await;
    let method = "streamGenerateContent?alt=sse";
    for (index, (reply, method, headers)) in [
        (Reply::silence(), "generateContent", false),
        (Reply::silence(), method, false),
        (Reply::text("x").header_delay(Duration::from_mins(1)), method, false),
        (Reply::text("x").hold(&Gate::new()), method, false),
        (Reply::text("x").silent_after(0), "generateContent", true),
        (Reply::text("x").silent_after(1), "generateContent", true),
        (Reply::text("x").silent_after(0), method, true),
        (Reply::chunks(["x", "y"]).silent_after(1), method, true),
        (Reply::chunks(["x", "y"]).chunk_delay(Duration::from_mins(1)), method, true),
        (Reply::chunks(["x", "y"]).hold_after(1, &Gate::new()), method, true),
    ]
    .into_iter()
    .enumerate()
    {
        fake.script([reply]);
        let left = {
            let body = prompt("x");
            let sent = post(&fake, method, &body);
            tokio::pin!(sent);
            if headers {
                let response = sent.await;
                assert_eq!(response.status(), 200);
                assert_eq!(fake.active(), 1);
            } else {
                let arrived = fake.wait_request(index, SOON);
                tokio::select! {
                    response = &mut sent => panic!("answered: {response:?}"),
                    _ = arrived => {}
                }
            }
            Instant::now()
        };
        let request = fake.request(index);
        let after = request.wait_dropped(SOON).await.unwrap_or_else(|| panic!("case {index}: {request:?}"));
        assert!(left.elapsed() < PROMPT, "case {index}: {:?}", left.elapsed());
        assert!(after <= request.received_at.elapsed());
    }
    let stats = fake.wait_until(|stats| stats.active == 0, SOON).await.unwrap();
    assert_eq!((stats.received, stats.dropped, stats.finished), (10, 10, 0));
}

#[tokio::test]
async fn a_reply_taken_whole_is_no_drop() {
    let fake = FakeGemini::start().await;
    streamed(&fake, "x").await.bytes().await.unwrap();
    let request = fake.request(0);
    assert!(matches!(request.wait_ended(SOON).await, Some(Ended::Finished(_))));
    assert_eq!((request.dropped_after(), request.wait_dropped(SOON).await), (None, None));
    assert_eq!(fake.active(), 0);
}

#[tokio::test(start_paused = true)]
async fn waiting_takes_real_time_where_the_test_has_paused_its_own() {
    let fake = FakeGemini::start().await;
    let (waited, started) = (Duration::from_millis(60), Instant::now());
    let stats = fake.wait_until(|stats| stats.received > 0, waited).await.unwrap_err();
    assert_eq!(stats.received, 0);
    assert!(started.elapsed() >= waited);
}

#[tokio::test]
async fn dropping_the_fake_closes_its_port_and_its_connections() {
    let fake = FakeGemini::start().await;
    fake.otherwise(Reply::text("x").silent_after(1));
    let (url, mut open) = (fake.url(), streamed(&fake, "x").await);
    open.chunk().await.unwrap();
    let request = fake.request(0);
    drop(fake);
    assert!(request.ended().is_some(), "nothing is left when the drop returns");
    assert!(open.chunk().await.is_err());
    assert!(client().get(url).send().await.unwrap_err().is_connect());
}
