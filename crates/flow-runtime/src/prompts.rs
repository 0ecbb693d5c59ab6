//! Prompt files by name: their model, tools, settings and schemas are checked at the start and honoured in each call.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use dotprompt::{Dotprompt, Metadata, Prompt, PromptError, RenderData};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ModelError;
use crate::generate::Generate;
use crate::model::ModelConfig;
use crate::schema::CompiledSchema;

/// What a prompt file's name ends with.
const ENDING: &str = ".prompt";

/// Prompt files by name. `letter.prompt` is the prompt `letter`, `letter.formal.prompt` its variant `letter.formal`, and
/// `_greeting.prompt` the partial for `{{> greeting}}`.
#[derive(Default)]
pub struct Prompts {
    sources: BTreeMap<String, String>,
    /// Where to look again for what has changed, in development.
    folder: Option<PathBuf>,
    files: RwLock<Files>,
}

#[derive(Default)]
struct Files {
    by_name: BTreeMap<String, Arc<PromptFile>>,
    /// What was last read of the folder, right or wrong.
    read: BTreeMap<String, String>,
}

/// One prompt file, checked.
#[derive(Debug)]
pub(crate) struct PromptFile {
    prompt: Prompt,
    config: ModelConfig,
    output: Option<CompiledSchema>,
}

impl Prompts {
    /// These files, by their names and with their texts, as they are compiled into a program.
    pub fn new<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ModelError> {
        let files = files.into_iter().filter(|(name, _)| name.ends_with(ENDING));
        let sources: BTreeMap<_, _> = files.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let by_name = compile(&sources)?;
        Ok(Self { sources, folder: None, files: RwLock::new(Files { by_name, ..Files::default() }) })
    }

    /// The files of a folder. They are read again when one of them has changed, so that a prompt can be written while
    /// the program runs. If one is wrong then, the log says so, and all files stay as they were. A model or tool that no
    /// file named at the start is not looked for: the call that uses it fails.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Result<Self, ModelError> {
        let folder = folder.into();
        let sources = read(&folder)?;
        let files = Files { by_name: compile(&sources)?, read: sources.clone() };
        Ok(Self { sources, folder: Some(folder), files: RwLock::new(files) })
    }

    /// The texts of the files at the start, by their names.
    pub fn sources(&self) -> &BTreeMap<String, String> {
        &self.sources
    }

    /// The models that files name, each with the file.
    pub fn models(&self) -> Vec<(String, String)> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let named = files
            .by_name
            .iter()
            .filter_map(|(name, file)| Some((name, file.prompt.metadata().model.as_ref()?)));
        named.map(|(name, model)| (format!("{name}{ENDING}"), model.clone())).collect()
    }

    /// The front matter of each file by its name, schemas as JSON Schema.
    pub fn list(&self) -> Vec<(String, Metadata)> {
        self.look_again();
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.by_name.iter().map(|(name, file)| (name.clone(), file.prompt.metadata().clone())).collect()
    }

    /// The settings of each file, with the file and the model it names.
    pub(crate) fn configs(&self) -> Vec<(String, Option<String>, ModelConfig)> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let files = files.by_name.iter().map(|(name, file)| {
            (format!("{name}{ENDING}"), file.prompt.metadata().model.clone(), file.config.clone())
        });
        files.collect()
    }

    /// The tools that files name, each with the file.
    pub(crate) fn tools(&self) -> Vec<(String, String)> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let tools = |(name, file): (&String, &Arc<PromptFile>)| {
            let tools = file.prompt.metadata().tools.clone();
            let name = format!("{name}{ENDING}");
            tools.into_iter().map(move |tool| (name.clone(), tool))
        };
        files.by_name.iter().flat_map(tools).collect()
    }

    /// The line of a file that a text first stands in, for messages.
    pub(crate) fn place(&self, file: &str, text: &str) -> String {
        let line = self.sources.get(file).and_then(|it| line_of(it, text));
        line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
    }

    pub(crate) fn get(&self, name: &str) -> Result<Arc<PromptFile>, ModelError> {
        self.look_again();
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        let unknown = || ModelError::internal(format!("there is no prompt file {name}{ENDING}"));
        files.by_name.get(name).cloned().ok_or_else(unknown)
    }

    /// Reads the folder again. It blocks the thread for a moment, which only a developer's server does.
    fn look_again(&self) {
        let Some(folder) = &self.folder else { return };
        let Ok(sources) = read(folder) else { return };
        let mut files = self.files.write().unwrap_or_else(PoisonError::into_inner);
        if files.read == sources {
            return;
        }
        match compile(&sources) {
            Ok(by_name) => {
                tracing::info!(target: crate::trace::TARGET, files = by_name.len(), "prompt files were read again");
                files.by_name = by_name;
            }
            Err(error) => tracing::error!(target: crate::trace::TARGET, %error, "a prompt file is wrong"),
        }
        files.read = sources;
    }
}

impl PromptFile {
    /// The request with these variables.
    pub(crate) fn request(&self, input: &impl Serialize) -> Result<Generate, ModelError> {
        let unfit = |_| ModelError::internal("the input of a prompt is not an object");
        let Value::Object(mut variables) = serde_json::to_value(input).map_err(unfit)? else {
            return Err(ModelError::internal("the input of a prompt is not an object"));
        };
        // What is left out must be missing, so that the file's defaults count.
        variables.retain(|_, value| !value.is_null());
        let data = RenderData { input: variables, ..RenderData::default() };
        let broken = |error: PromptError| ModelError::internal(error.to_string());
        let messages = self.prompt.messages(data).map_err(broken)?;
        let metadata = self.prompt.metadata();
        let mut request = Generate::new()
            .messages(messages)
            .config(self.config.clone())
            .tools(metadata.tools.iter().cloned());
        if let Some(model) = &metadata.model {
            request = request.model(model);
        }
        if let Some(schema) = &self.output {
            request = request.output_schema(schema);
        }
        Ok(request)
    }

    pub(crate) fn output(&self) -> Option<&CompiledSchema> {
        self.output.as_ref()
    }
}

/// The prompts among the files, by name; the others are partials.
fn prompts(sources: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    let names = sources.iter().filter_map(|(name, text)| Some((name.strip_suffix(ENDING)?, text.as_str())));
    names.filter(|(name, _)| !name.starts_with('_'))
}

fn compile(sources: &BTreeMap<String, String>) -> Result<BTreeMap<String, Arc<PromptFile>>, ModelError> {
    let mut shared = Dotprompt::new();
    for (name, text) in sources {
        if let Some(partial) = name.strip_suffix(ENDING).and_then(|it| it.strip_prefix('_')) {
            shared = shared.with_partial(partial, text);
        }
    }
    let files = prompts(sources).map(|(name, text)| {
        let file = check(&shared, text);
        let file = file.map_err(|why| ModelError::internal(format!("{name}{ENDING}{why}")))?;
        Ok((name.to_owned(), Arc::new(file)))
    });
    files.collect()
}

/// A file, or what is wrong with it and where.
fn check(shared: &Dotprompt, text: &str) -> Result<PromptFile, String> {
    let prompt = shared.parse(text).map_err(|error| format!(": {error}"))?;
    let metadata = prompt.metadata();
    let config = ModelConfig::deserialize(Value::Object(metadata.config.clone())).map_err(|error| {
        let error = error.to_string();
        // Serde names an unknown member between backticks.
        let line =
            error.split('`').nth(1).and_then(|it| line_of(text, it)).or_else(|| line_of(text, "config"));
        format!(":{}: config: {error}", line.unwrap_or(1))
    })?;
    if let Some(tool) = metadata.tool_defs.first() {
        let line = line_of(text, &tool.name).unwrap_or(1);
        return Err(format!(":{line}: the tool {} can only be named, and defined in code", tool.name));
    }
    let schema = metadata.output.as_ref().and_then(|it| it.schema.clone());
    let schema = schema.map(|it| CompiledSchema::compile(metadata.name.as_deref().unwrap_or("answer"), it));
    let output =
        schema.transpose().map_err(|error| format!(":{}: {error}", line_of(text, "output").unwrap_or(1)))?;
    Ok(PromptFile { prompt, config, output })
}

fn line_of(text: &str, word: &str) -> Option<usize> {
    text.lines().position(|line| line.contains(word)).map(|at| at + 1)
}

/// The files of a folder.
fn read(folder: &Path) -> Result<BTreeMap<String, String>, ModelError> {
    let unreadable = |error: std::io::Error| {
        ModelError::internal(format!("the prompts in {} cannot be read: {error}", folder.display()))
    };
    let mut sources = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|it| it.to_str()).filter(|it| it.ends_with(ENDING)) else {
            continue;
        };
        sources.insert(name.to_owned(), std::fs::read_to_string(&path).map_err(unreadable)?);
    }
    Ok(sources)
}

impl fmt::Debug for Prompts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Prompts").field("files", &self.sources.keys()).finish_non_exhaustive()
    }
}
