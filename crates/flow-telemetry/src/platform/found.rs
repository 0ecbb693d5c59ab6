//! What is found, and what it is found by.

/// A variable of the environment.
pub(crate) type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A platform, and what traces say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Whose it is.
    pub cloud: Cloud,
    /// What its owner calls it.
    pub name: &'static str,
    /// What traces say of it, under the names of OpenTelemetry's conventions for resources.
    pub attributes: Vec<(String, String)>,
    /// Where to ask for more.
    pub(crate) metadata: Metadata,
}

/// Whose platform it is: it decides which headers of a trace are read, and what the log has for its viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// Google Cloud.
    Google,
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
}

/// Who knows more of a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Metadata {
    /// The metadata server of Google Cloud at this host.
    Google { host: String, is_for: GoogleService },
    /// The endpoint of a container of Amazon ECS.
    Ecs(String),
    /// Nobody: the environment says all.
    Nobody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GoogleService {
    Run,
    Kubernetes,
    Machine,
}

impl Platform {
    pub(crate) fn new(cloud: Cloud, name: &'static str, platform: Option<&str>) -> Self {
        let provider = match cloud {
            Cloud::Google => "gcp",
            Cloud::Aws => "aws",
            Cloud::Azure => "azure",
        };
        let new = Self { cloud, name, attributes: Vec::new(), metadata: Metadata::Nobody };
        new.with("cloud.provider", Some(provider)).with("cloud.platform", platform)
    }

    /// With this attribute, if it has a value.
    pub(crate) fn with(mut self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        self.add(value.map(|it| (name, it.into())));
        self
    }

    /// Adds what is not there yet.
    pub(crate) fn add(&mut self, attributes: impl IntoIterator<Item = (&'static str, String)>) {
        for (name, value) in attributes {
            if self.attribute(name).is_none() {
                self.attributes.push((name.to_owned(), value));
            }
        }
    }

    /// The value of an attribute, if it is known.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|it| it.0 == name).map(|it| &*it.1)
    }
}
