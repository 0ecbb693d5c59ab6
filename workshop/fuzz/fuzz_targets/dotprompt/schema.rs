//! Picoschemas whose meaning is known, held against the JSON Schemas they become: what each must accept is accepted,
//! and what differs from that in one place is not.

use arbitrary::{Arbitrary, Unstructured};
use dotprompt::Prompt;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

#[derive(Arbitrary, Debug)]
enum Type {
    Scalar(u8),
    Array(Box<Item>),
    Enum(u8),
    Object(Mapping),
}

/// What a list may be of: a list of lists cannot be written.
#[derive(Arbitrary, Debug)]
enum Item {
    Scalar(u8),
    Object(Mapping),
}

#[derive(Arbitrary, Debug)]
struct Mapping {
    fields: Vec<Field>,
    others: Option<u8>,
}

#[derive(Arbitrary, Debug)]
struct Field {
    is_optional: bool,
    description: u8,
    writes_kind: bool,
    kind: Type,
}

const SCALARS: [&str; 6] = ["any", "boolean", "integer", "null", "number", "string"];
const ENUM: [&str; 4] = ["a", "b, c", "null", "(*)"];
const DESCRIPTIONS: [&str; 8] = [
    "",
    " ",
    "a word",
    "a list (short), of tags",
    "é: # \"quoted\" 'twice'",
    "ends in )",
    "(*)",
    "two\nlines",
];

/// Deep enough for every way to nest.
const DEEPEST: usize = 4;

pub fn check(input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let mapping = Mapping::arbitrary(input)?;
    let pico = mapping.written(0);
    let (place, of) = if mapping.others.is_some() { ("input", 0) } else { ("output", 1) };
    let source = format!("---\n{place}:\n  schema: {pico}\n---\nHello");
    let prompt = Prompt::parse(&source).unwrap_or_else(|error| panic!("{error}: {source}"));
    let metadata = prompt.metadata();
    let schemas = [
        metadata.input.as_ref().and_then(|it| it.schema.as_ref()),
        metadata.output.as_ref().and_then(|it| it.schema.as_ref()),
    ];
    let schema = schemas[of].expect("a schema");
    let validator = jsonschema::draft202012::new(schema).unwrap_or_else(|error| panic!("{error}: {schema}"));
    let accepted = mapping.instance(0);
    assert!(validator.is_valid(&accepted), "{pico} as {schema} refuses {accepted}");
    mapping.differ(0, schema, &mut |differs, why| {
        refuse(&validator, &accepted, differs, &format!("{why}: {pico} as {schema}"));
    });
    Ok(())
}

/// A way into an instance, and what is done there.
struct Change {
    path: Vec<String>,
    value: Option<Value>,
    is_fine: bool,
}

fn refuse(validator: &Validator, accepted: &Value, change: Change, why: &str) {
    let mut instance = accepted.clone();
    let (last, path) = change.path.split_last().expect("a path");
    let holder = path.iter().fold(&mut instance, |value, step| match value {
        Value::Array(items) => &mut items[0],
        value => &mut value[step],
    });
    let holder = holder.as_object_mut().expect("a mapping");
    match change.value {
        Some(value) => drop(holder.insert(last.clone(), value)),
        None => drop(holder.shift_remove(last)),
    }
    assert_eq!(validator.is_valid(&instance), change.is_fine, "{why}: {instance}");
}

impl Mapping {
    fn fields(&self, depth: usize) -> impl Iterator<Item = (String, &Field)> {
        // No more than an author writes, and none where it would not end.
        let most = if depth < DEEPEST { 5 } else { 0 };
        self.fields.iter().take(most).enumerate().map(|(at, it)| (format!("f{at}"), it))
    }

    fn written(&self, depth: usize) -> Value {
        let mut members = Map::new();
        for (name, field) in self.fields(depth) {
            let optional = if field.is_optional { "?" } else { "" };
            let description = pick(field.description, &DESCRIPTIONS);
            let (kind, value) = match &field.kind {
                Type::Scalar(it) => {
                    let text = format!("{}, {description}", pick(*it, &SCALARS));
                    members.insert(format!("{name}{optional}"), text.into());
                    continue;
                }
                Type::Enum(last) => ("enum", values(*last).into()),
                Type::Array(item) => ("array", item.written(depth + 1)),
                Type::Object(it) => ("object", it.written(depth + 1)),
            };
            let key = match field.writes_kind || kind != "object" {
                true => format!("{name}{optional}({kind}, {description})"),
                false => format!("{name}{optional}"),
            };
            members.insert(key, value);
        }
        if let Some(it) = self.others {
            members.insert("(*)".into(), pick(it, &SCALARS).into());
        }
        Value::Object(members)
    }

    fn instance(&self, depth: usize) -> Value {
        self.fields(depth).map(|(name, it)| (name, it.instance(depth + 1))).collect()
    }

    /// Everything that differs from the instance in one place; `schema` is that of this mapping.
    fn differ(&self, depth: usize, schema: &Value, each: &mut dyn FnMut(Change, &str)) {
        let one = |name: &str, value, is_fine| Change { path: vec![name.to_owned()], value, is_fine };
        each(
            one("more", Some(json!(["else"])), self.others.is_some_and(|it| pick(it, &SCALARS) == "any")),
            "more",
        );
        for (name, field) in self.fields(depth) {
            let inner = &schema["properties"][&name];
            each(one(&name, None, field.is_optional), "left out");
            each(one(&name, Some(Value::Null), field.takes_null()), "null");
            let wrong = one(&name, Some(field.other_kind()), field.is_any());
            each(wrong, "of another kind");
            let said = pick(field.description, &DESCRIPTIONS).trim();
            let is_written = field.writes_kind || !matches!(field.kind, Type::Object(_));
            let expected = Some(said).filter(|it| is_written && !it.is_empty());
            assert_eq!(inner["description"].as_str(), expected, "{name} in {schema}");

            let (mapping, inner) = match &field.kind {
                Type::Object(it) => (it, inner),
                Type::Array(item) => match &**item {
                    Item::Object(it) => (it, &inner["items"]),
                    Item::Scalar(_) => continue,
                },
                _ => continue,
            };
            mapping.differ(depth + 1, inner, &mut |mut change, why| {
                let is_list = matches!(field.kind, Type::Array(_));
                change.path.splice(0..0, [name.clone()].into_iter().chain(is_list.then(|| "0".into())));
                each(change, why);
            });
        }
    }
}

impl Field {
    fn is_any(&self) -> bool {
        matches!(self.kind, Type::Scalar(it) if pick(it, &SCALARS) == "any")
    }

    fn takes_null(&self) -> bool {
        let is_null = matches!(self.kind, Type::Scalar(it) if pick(it, &SCALARS) == "null");
        self.is_optional || self.is_any() || is_null
    }

    fn instance(&self, depth: usize) -> Value {
        match &self.kind {
            Type::Scalar(it) => scalar(*it),
            Type::Enum(last) => values(*last).last().cloned().unwrap_or_default(),
            Type::Array(item) => json!([match &**item {
                Item::Scalar(it) => scalar(*it),
                Item::Object(it) => it.instance(depth),
            }]),
            Type::Object(it) => it.instance(depth),
        }
    }

    fn other_kind(&self) -> Value {
        match self.kind {
            Type::Array(_) => json!({"0": 1}),
            _ => json!([1]),
        }
    }
}

impl Item {
    fn written(&self, depth: usize) -> Value {
        match self {
            Self::Scalar(it) => pick(*it, &SCALARS).into(),
            Self::Object(it) => it.written(depth),
        }
    }
}

fn values(last: u8) -> Vec<Value> {
    ENUM[..=usize::from(last) % ENUM.len()].iter().map(|it| Value::from(*it)).collect()
}

fn scalar(kind: u8) -> Value {
    match pick(kind, &SCALARS) {
        "boolean" => true.into(),
        "integer" => (-3).into(),
        "null" => Value::Null,
        "number" => json!(1.5),
        "string" => "".into(),
        _ => json!({"any": "thing"}),
    }
}

fn pick<'a>(number: u8, choices: &[&'a str]) -> &'a str {
    choices[usize::from(number) % choices.len()]
}
