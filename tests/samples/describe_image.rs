//! `describe_image`.

use fake_gemini::{FakeGemini, Matcher, Reply};
use serde_json::json;

use crate::server::{model, servers};

const DESCRIPTION: &str = "Four coloured dice on a chequered ground.";
const IMAGE: &str = "data:image/png;base64,iVBORw0KGgo=";

async fn viewer() -> FakeGemini {
    let model = model().await;
    model.on(Matcher::image(), Reply::text(DESCRIPTION));
    model
}

#[tokio::test]
async fn an_image_is_described_by_its_address_or_by_its_bytes() {
    let model = viewer().await;
    for server in servers(&model) {
        let description = json!({"description": DESCRIPTION, "image_url": IMAGE});
        assert_eq!(server.post("/describe-image", json!({"image_url": IMAGE})).await, description);
        assert_eq!(server.by_name("describe_image", json!({"image_url": IMAGE})).await, description);
        let described = server.post("/describe-image", json!({})).await;
        assert_eq!(described["description"], DESCRIPTION);
        assert!(described["image_url"].as_str().unwrap().starts_with("https://"), "{described}");
    }
}

#[tokio::test]
async fn an_image_is_on_the_web_or_given_and_nothing_else() {
    let model = viewer().await;
    for server in servers(&model) {
        let long = format!("http://x/{}", "x".repeat(2048));
        for image_url in ["file:///etc/passwd", "data:text/html;base64,AAAA", "ftp://x", "", &long] {
            let faults = server.faults("/describe-image", json!({"image_url": image_url})).await;
            assert_eq!(faults, ["/image_url"], "{image_url}");
        }
    }
}

// eject: grpc
#[cfg(feature = "grpc")]
#[tokio::test]
async fn the_procedure_describes_the_same() {
    use grpc::proto::ImageRequest;

    let model = viewer().await;
    for server in servers(&model) {
        let mut client = server.procedures().await;
        let request = ImageRequest { image_url: IMAGE.into() };
        let it = client.describe_image(request).await.unwrap().into_inner();
        assert_eq!((&*it.description, &*it.image_url), (DESCRIPTION, IMAGE));
        let it = client.describe_image(ImageRequest::default()).await.unwrap().into_inner();
        assert_eq!(it.image_url, server.post("/describe-image", json!({})).await["image_url"]);
    }
}
// eject: end
