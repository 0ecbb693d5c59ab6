//! `review_code`: a prompt kept in a file, with its settings and the schema of its answer.

use api::{CodeReview, CodeReviewInput};
use flow_edge::{FlowError, RequestContext};
use flow_runtime::Runtime;
use flow_service::to_flow_error;

pub(super) async fn run(
    ai: Runtime,
    _: RequestContext,
    input: CodeReviewInput,
) -> Result<CodeReview, FlowError> {
    let review = ai.prompt("code_review", &input).map_err(to_flow_error)?;
    review.generate_as().await.map_err(to_flow_error)
}

#[cfg(test)]
mod tests {
    use flow_edge::Schema;
    use serde_json::{Map, Value};

    use super::*;
    use crate::flows::prompts;

    /// What a schema demands, without the words around it.
    fn demands(schema: &Value) -> Value {
        match schema {
            Value::Object(members) => {
                let telling = |name: &str| !["description", "title"].contains(&name);
                let members = members.iter().filter(|(name, it)| telling(name) || it.is_object());
                let mut members: Map<_, _> = members.map(|(name, it)| (name.clone(), demands(it))).collect();
                members.sort_keys();
                Value::Object(members)
            }
            Value::Array(items) => items.iter().map(demands).collect(),
            other => other.clone(),
        }
    }

    #[test]
    fn the_prompt_asks_for_what_the_route_promises() {
        let prompts = prompts(false).unwrap();
        let prompt = dotprompt::Prompt::parse(&prompts.sources()["code_review.prompt"]).unwrap();
        let asked = prompt.metadata().output.as_ref().and_then(|it| it.schema.clone()).unwrap();
        assert_eq!(demands(&asked), demands(CodeReview::document()));
    }
}
