//! [`Fault`]: an error on its way to the caller, before a protocol has given it its bytes.

use crate::value::{Struct, Value};

/// What a caller is told went wrong. `wire` prints it in the caller's protocol.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    /// AWS's code, as an SDK matches on it: `NoSuchEntity`, `AccessDenied`.
    pub code: String,
    pub message: String,
    /// HTTP status; 5xx is the service's fault, anything else the sender's.
    pub status: u16,
    /// Further members of the modelled error shape (`Resource`, `CancellationReasons`, ...).
    pub members: Struct,
    /// Headers of the answer that the model does not know of the error (S3's `x-amz-delete-marker`), in lower case.
    pub headers: Box<[(&'static str, String)]>,
}

impl Fault {
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Fault {
        Fault {
            code: code.into(),
            message: message.into(),
            status,
            members: Struct::new(),
            headers: Box::default(),
        }
    }

    #[must_use]
    pub fn with(mut self, member: &'static str, value: Value) -> Fault {
        self.members.set(member, value);
        self
    }

    /// With a header of the answer, by its lower-case name.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Fault {
        let mut headers = Vec::from(std::mem::take(&mut self.headers));
        headers.push((name, value.into()));
        self.headers = headers.into();
        self
    }

    pub fn is_sender(&self) -> bool {
        self.status < 500
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}): {}", self.code, self.status, self.message)
    }
}

impl std::error::Error for Fault {}

/// Declares a service's errors as one table: variant, status, code, message.
///
/// ```
/// wire::errors! {
///     /// What IAM refuses.
///     pub enum IamError {
///         NoSuchUser(name: String) = 404, "NoSuchEntity", "The user with name {name} cannot be found.";
///         Busy = 409, "ConcurrentModification", "The request was rejected because of a concurrent change.";
///     }
/// }
/// let fault = wire::Fault::from(IamError::NoSuchUser("bob".into()));
/// assert_eq!((fault.status, fault.code.as_str()), (404, "NoSuchEntity"));
/// ```
#[macro_export]
macro_rules! errors {
    ($(#[$doc:meta])* $vis:vis enum $name:ident {
        $( $(#[$vdoc:meta])* $variant:ident $( ( $($field:ident : $ty:ty),+ $(,)? ) )? = $status:literal, $code:literal, $message:literal; )+
    }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug)]
        $vis enum $name { $( $(#[$vdoc])* $variant $( ( $($ty),+ ) )? ),+ }

        impl From<$name> for $crate::Fault {
            fn from(error: $name) -> $crate::Fault {
                match error {
                    $( $name::$variant $( ( $($field),+ ) )? =>
                        $crate::Fault::new($status, $code, format!($message)), )+
                }
            }
        }

        impl $name {
            /// Every (status, code) of the table, for the tests that hold it against the model.
            pub const CODES: &'static [(u16, &'static str)] = &[ $( ($status, $code) ),+ ];
        }
    };
}
