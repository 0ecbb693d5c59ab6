//! Images whose address is that of something private.

use std::time::Duration;

use checks::Combination;
use fake_gemini::FakeGemini;
use tokio::time::timeout;

use crate::SOON;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_s_address_is_for_the_model_and_never_fetched_by_us() {
    let image = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/latest/meta-data/", image.local_addr().unwrap());
    let fake = FakeGemini::builder().lenient().start().await;
    for combination in Combination::all() {
        let server = combination.start(&[("GEMINI_API_KEY", "key"), ("GEMINI_BASE_URL", &fake.url())]);
        let client = reqwest::Client::builder().no_proxy().timeout(SOON).build().unwrap();
        let call = client.post(format!("http://{}/describe-image", server.address));
        let reply = call.json(&serde_json::json!({"image_url": address})).send().await.unwrap();
        assert_eq!(reply.status(), 200, "{combination}");
    }
    let asked = fake.request(0).body.to_string();
    assert!(asked.contains(&address), "the model is told: {asked}");
    let fetched = timeout(Duration::from_millis(200), image.accept()).await;
    assert!(fetched.is_err(), "somebody fetched it: {fetched:?}");
}
