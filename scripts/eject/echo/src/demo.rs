//! What the demo model says in this project's flows. For everything else it has plain texts of its own.

use flow_models::demo::Question;
use flow_runtime::message::Role;

/// The answer to a question; nothing, where the plain text will do.
pub fn answer(question: &Question<'_>) -> Option<String> {
    let mut systems = question.request.messages.iter().filter(|it| it.role == Role::System);
    systems.any(|it| it.joined_text().starts_with("Repeat")).then(|| question.text.clone())
}

#[cfg(test)]
mod tests {
    use flow_models::demo::Demo;
    use flow_runtime::Model as _;
    use flow_runtime::message::Message;
    use flow_runtime::model::ModelRequest;

    #[tokio::test]
    async fn it_repeats_only_what_it_is_asked_to_repeat() {
        let demo = Demo::new().with_answers(super::answer);
        let mut request =
            ModelRequest { messages: vec![Message::text(super::Role::User, "Hello!")], ..Default::default() };
        assert_ne!(demo.generate(&request).await.unwrap().text(), "Hello!");
        request.messages.insert(0, Message::text(super::Role::System, "Repeat what the user says."));
        assert_eq!(demo.generate(&request).await.unwrap().text(), "Hello!");
    }
}
