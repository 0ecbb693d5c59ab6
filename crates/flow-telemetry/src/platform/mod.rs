//! Where this process runs, as far as its environment says.
//!
//! `GOOGLE_CLOUD_PROJECT` and `AWS_REGION` say nothing of it: who asks a model of a cloud sets them everywhere.

mod aws;
mod azure;
mod found;
mod google;
mod metadata;

#[cfg(test)]
mod tests;

use found::Variable;
pub use found::{Cloud, Platform};
pub use metadata::MetadataError;

/// The platform that these variables are of. `machine` is what the firmware calls the machine (on Linux
/// `/sys/class/dmi/id/product_name`); it is asked for only where no variable has decided.
pub fn detect(variable: Variable<'_>, machine: impl FnOnce() -> Option<String>) -> Option<Platform> {
    let variable = |name: &str| variable(name).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
    google::serverless(&variable)
        .or_else(|| aws::detect(&variable))
        .or_else(|| azure::detect(&variable))
        .or_else(|| google::machine(&variable, machine))
}

impl Platform {
    /// The same with what only the platform's metadata server knows. It is asked once, for at most a second; what it does not
    /// answer is left out, and the error says why. It blocks for that time.
    pub fn completed(mut self) -> (Self, Result<(), MetadataError>) {
        let asked = metadata::on_runtime(metadata::ask(&self));
        let (found, outcome) = match asked {
            Ok((found, outcome)) => (found, outcome),
            Err(error) => (Vec::new(), Err(error)),
        };
        self.add(found);
        (self, outcome)
    }
}
