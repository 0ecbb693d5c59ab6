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
    use flow_runtime::message::{Message, Role};
    use flow_runtime::model::ModelRequest;

    #[tokio::test]
    async fn it_repeats_only_what_it_is_asked_to_repeat() {
        let demo = Demo::new().with_answers(super::answer);
        let ask = |messages: Vec<Message>| ModelRequest { messages: messages.into(), ..Default::default() };
        let hello = Message::text(Role::User, "Hello!");
        let plain = demo.generate(&ask(vec![hello.clone()])).await.unwrap();
        assert_ne!(plain.text(), "Hello!");
        let repeat = Message::text(Role::System, "Repeat what the user says.");
        let repeated = demo.generate(&ask(vec![repeat, hello])).await.unwrap();
        assert_eq!(repeated.text(), "Hello!");
    }
}
