//! [`Invalid`]: what the pure parts of DynamoDB refuse. AWS answers all of it with one code and tells the cases
//! apart by their sentence, so the sentence is the error.
//!
//! AWS checks values in two layers with different words: PutItem, UpdateItem, DeleteItem, GetItem, BatchGetItem and
//! Query have moved to newer ones, the others still use the [older](Invalid::older).

use std::borrow::Cow;

/// A `ValidationException` (status 400) and its message, as AWS words it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invalid {
    message: Cow<'static, str>,
    /// Where the older layer words it otherwise.
    older: Option<Box<str>>,
}

impl Invalid {
    pub fn new(message: impl Into<Cow<'static, str>>) -> Invalid {
        Invalid { message: message.into(), older: None }
    }

    /// With the words that AWS puts before what is wrong with a value.
    pub fn parameter(message: impl std::fmt::Display) -> Invalid {
        Invalid::new(format!("One or more parameter values were invalid: {message}"))
    }

    /// The same in the words of the older layer.
    #[must_use]
    pub fn or_older(self, older: impl Into<String>) -> Invalid {
        Invalid { older: Some(older.into().into()), ..self }
    }

    /// In the words of the older layer.
    #[must_use]
    pub fn older(self) -> Invalid {
        match self.older {
            Some(older) => Invalid::new(older.into_string()),
            None => self,
        }
    }

    pub fn message(&self) -> &str {
        &self.message
    }
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Invalid {}

impl From<Invalid> for wire::Fault {
    fn from(error: Invalid) -> wire::Fault {
        wire::Fault::new(400, "ValidationException", error.message.into_owned())
    }
}
