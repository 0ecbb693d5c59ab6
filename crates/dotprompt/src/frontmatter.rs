//! Reads the part of a prompt file between its `---` lines.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::PromptError;

/// A prompt's front matter, with Dotprompt's names in JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// The prompt's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which variant of the name it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The model to ask, provider first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Names of tools that only the caller can resolve.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Tools defined in the file, and those resolved from [`tools`](Self::tools).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_defs: Vec<PromptTool>,
    /// Generation settings.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub config: Map<String, Value>,
    /// The shape of the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<InputSpec>,
    /// The shape of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputFormat>,
    /// Extension fields by namespace: `my.ext.field: 1` is `{"my.ext": {"field": 1}}`.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub ext: Map<String, Value>,
    /// Free annotations for code and tools.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// The front matter as it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<Map<String, Value>>,
}

/// The `input` of a front matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InputSpec {
    /// Picoschema or JSON Schema; always JSON Schema in a [`Rendered`](super::Rendered).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// Values for the variables a caller leaves out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Map<String, Value>>,
    /// Members Dotprompt does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// The `output` of a front matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutputFormat {
    /// `json`, `text`, or a name the application knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Picoschema or JSON Schema; always JSON Schema in a [`Rendered`](super::Rendered).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// Members Dotprompt does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A tool as a prompt file or the environment defines it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PromptTool {
    /// The name the model calls it by.
    pub name: String,
    /// What it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON Schema of its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_schema: Option<Value>,
    /// The JSON Schema of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// Members Dotprompt does not know.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Metadata {
    /// Replaces each member that `over` has; settings are merged one by one.
    pub(crate) fn overlaid(mut self, over: &Self) -> Self {
        self.config.extend(over.config.clone());
        Self {
            name: over.name.clone().or(self.name),
            variant: over.variant.clone().or(self.variant),
            version: over.version.clone().or(self.version),
            description: over.description.clone().or(self.description),
            model: over.model.clone().or(self.model),
            tools: if over.tools.is_empty() { self.tools } else { over.tools.clone() },
            tool_defs: if over.tool_defs.is_empty() { self.tool_defs } else { over.tool_defs.clone() },
            config: self.config,
            input: over.input.clone().or(self.input),
            output: over.output.clone().or(self.output),
            ext: if over.ext.is_empty() { self.ext } else { over.ext.clone() },
            metadata: if over.metadata.is_empty() { self.metadata } else { over.metadata.clone() },
            raw: over.raw.clone().or(self.raw),
        }
    }
}

/// The two parts of a prompt file.
pub(crate) struct Document<'a> {
    pub(crate) metadata: Metadata,
    pub(crate) template: &'a str,
    /// The line of the file at which the template starts, from 1.
    pub(crate) template_line: usize,
}

/// Splits a prompt file and reads the front matter, if it has one.
pub(crate) fn parse(source: &str) -> Result<Document<'_>, PromptError> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let Some(cut) = Cut::find(source) else {
        return Ok(Document { metadata: Metadata::default(), template: source, template_line: 1 });
    };
    let template = cut.body.trim_start();
    let skipped = &cut.body[..cut.body.len() - template.len()];
    Ok(Document {
        metadata: cut.metadata()?,
        template: template.trim_end(),
        template_line: cut.body_line + skipped.matches('\n').count(),
    })
}

/// Where the front matter and the body lie in a file.
struct Cut<'a> {
    yaml: &'a str,
    yaml_line: usize,
    body: &'a str,
    body_line: usize,
}

impl<'a> Cut<'a> {
    /// Only blank lines and `#` comments, such as a licence, may stand above the first `---`.
    fn find(source: &'a str) -> Option<Self> {
        let mut at = 0;
        let mut opened = None;
        for (number, line) in (1..).zip(source.split_inclusive('\n')) {
            at += line.len();
            let is_fence = line.strip_prefix("---").is_some_and(|rest| rest.trim().is_empty());
            match opened {
                None if is_fence => opened = Some((at, number + 1)),
                None if line.starts_with('#') || line.trim().is_empty() => {}
                None => return None,
                Some((start, yaml_line)) if is_fence => {
                    let yaml = &source[start..at - line.len()];
                    return Some(Self { yaml, yaml_line, body: &source[at..], body_line: number + 1 });
                }
                Some(_) => {}
            }
        }
        None
    }

    fn metadata(&self) -> Result<Metadata, PromptError> {
        let raw = self.mapping()?;
        Ok(Metadata {
            name: self.scalar(&raw, "name")?,
            variant: self.scalar(&raw, "variant")?,
            version: self.scalar(&raw, "version")?,
            description: self.scalar(&raw, "description")?,
            model: self.scalar(&raw, "model")?,
            tools: self.member(&raw, "tools")?.unwrap_or_default(),
            tool_defs: self.member(&raw, "toolDefs")?.unwrap_or_default(),
            config: self.member(&raw, "config")?.unwrap_or_default(),
            input: self.member(&raw, "input")?,
            output: self.member(&raw, "output")?,
            metadata: self.member(&raw, "metadata")?.unwrap_or_default(),
            ext: extensions(&raw),
            raw: Some(raw),
        })
    }

    fn mapping(&self) -> Result<Map<String, Value>, PromptError> {
        if self.yaml.trim().is_empty() {
            return Ok(Map::new());
        }
        // Dotprompt reads YAML 1.2, where `on` and `yes` are texts.
        let options = serde_saphyr::options! { strict_booleans: true };
        let parsed: Value = serde_saphyr::from_str_with_options(self.yaml, options).map_err(|error| {
            let line =
                error.location().map_or(0, |it| usize::try_from(it.line()).unwrap_or(1).saturating_sub(1));
            PromptError::FrontMatter { line: self.yaml_line + line, what: "is not valid YAML".into() }
        })?;
        match parsed {
            Value::Object(map) => Ok(map),
            Value::Null => Ok(Map::new()),
            _ => Err(PromptError::FrontMatter { line: self.yaml_line, what: "is not a mapping".into() }),
        }
    }

    /// A text. YAML reads `version: 2` as a number; here it is the text `2`.
    fn scalar(&self, raw: &Map<String, Value>, key: &str) -> Result<Option<String>, PromptError> {
        match raw.get(key) {
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            _ => self.member(raw, key),
        }
    }

    fn member<T: DeserializeOwned>(
        &self,
        raw: &Map<String, Value>,
        key: &str,
    ) -> Result<Option<T>, PromptError> {
        let Some(value) = raw.get(key).filter(|it| !it.is_null()) else { return Ok(None) };
        T::deserialize(value).map(Some).map_err(|error| PromptError::FrontMatter {
            line: self.line_of(key),
            what: format!("has an unusable `{key}`: {error}"),
        })
    }

    fn line_of(&self, key: &str) -> usize {
        let lines =
            self.yaml.lines().position(|it| it.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
        self.yaml_line + lines.unwrap_or_default()
    }
}

fn extensions(raw: &Map<String, Value>) -> Map<String, Value> {
    let mut ext = Map::new();
    for (key, value) in raw {
        let Some((namespace, field)) = key.rsplit_once('.') else { continue };
        let fields = ext.entry(namespace).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(fields) = fields {
            fields.insert(field.to_owned(), value.clone());
        }
    }
    ext
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_above_the_front_matter_is_skipped_and_lines_still_count() {
        let document = parse("# Licence\r\n\r\n---\r\nmodel: demo\r\n---\r\n\r\nHello\r\n").expect("parses");
        assert_eq!(document.metadata.model.as_deref(), Some("demo"));
        assert_eq!((document.template, document.template_line), ("Hello", 7));
    }

    #[test]
    fn a_file_without_front_matter_is_all_template() {
        let document = parse("# Title\n\nHello\n").expect("parses");
        assert_eq!((document.template, document.template_line), ("# Title\n\nHello\n", 1));
        assert_eq!(document.metadata, Metadata::default());
    }

    #[test]
    fn a_wrong_member_is_named_with_its_line() {
        let error = parse("---\nmodel: demo\nconfig: warm\n---\nHello")
            .map(|_| ())
            .expect_err("config is no mapping");
        assert!(
            error.to_string().starts_with("line 3: the front matter has an unusable `config`"),
            "{error}"
        );
    }

    #[test]
    fn broken_yaml_is_an_error_with_its_line_not_a_prompt() {
        let error =
            parse("---\nmodel: demo\nconfig: {a: [}\n---\nHello").map(|_| ()).expect_err("broken YAML");
        assert_eq!(error.to_string(), "line 3: the front matter is not valid YAML");
    }

    #[test]
    fn the_order_of_keys_survives() {
        let document =
            parse("---\ninput:\n  schema:\n    zebra: string\n    ant: string\n---\n").expect("parses");
        let schema = document.metadata.input.and_then(|it| it.schema).expect("a schema");
        assert_eq!(schema.to_string(), r#"{"zebra":"string","ant":"string"}"#);
    }
}
