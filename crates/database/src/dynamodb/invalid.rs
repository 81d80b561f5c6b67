//! [`Invalid`]: what the pure parts of DynamoDB refuse. AWS answers all of it with one code and tells the cases
//! apart by their sentence, so the sentence is the error.

use std::borrow::Cow;

/// A `ValidationException` (status 400) and its message, as AWS words it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invalid(Cow<'static, str>);

impl Invalid {
    pub fn new(message: impl Into<Cow<'static, str>>) -> Invalid {
        Invalid(message.into())
    }

    /// With the words that AWS puts before what is wrong with a value.
    pub fn parameter(message: impl std::fmt::Display) -> Invalid {
        Invalid(Cow::Owned(format!("One or more parameter values were invalid: {message}")))
    }

    pub fn message(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

impl From<Invalid> for wire::Fault {
    fn from(error: Invalid) -> wire::Fault {
        wire::Fault::new(400, "ValidationException", error.0.into_owned())
    }
}
