//! Making up a role-playing character.

use flow_edge::Schema;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whom a role-playing character is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(default)]
pub struct CharacterInput {
    /// The character's name.
    #[garde(length(chars, min = 1, max = 200))]
    pub name: String,
}

impl Default for CharacterInput {
    fn default() -> Self {
        Self { name: "Luna".into() }
    }
}

/// A role-playing character.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Validate, JsonSchema, Schema)]
#[serde(rename_all = "camelCase")]
pub struct RpgCharacter {
    /// The character's name.
    #[garde(skip)]
    pub name: String,
    /// Where the character comes from.
    #[garde(skip)]
    pub back_story: String,
    /// What the character can do, ten abilities at most.
    #[garde(length(max = 10))]
    pub abilities: Vec<String>,
    /// How well.
    #[garde(dive)]
    pub skills: Skills,
}

/// A character's strengths, each from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[schemars(inline)]
pub struct Skills {
    /// Bodily power.
    #[garde(range(min = 0, max = 100))]
    pub strength: u8,
    /// Power over others.
    #[garde(range(min = 0, max = 100))]
    pub charisma: u8,
    /// Power to go on.
    #[garde(range(min = 0, max = 100))]
    pub endurance: u8,
}
