//! Small shapes that the requests and answers of several rooms share.

wire::shape! {
    /// A value that may be set or not.
    #[derive(Clone, Copy, Debug)]
    pub struct Flag {
        pub value: Option<bool> = "Value",
    }

    /// The same for a text.
    #[derive(Debug)]
    pub struct Text {
        pub value: Option<String> = "Value",
    }

    /// A security group as others name it.
    #[derive(Clone, Debug)]
    pub struct GroupView {
        pub id: String = "GroupId",
        pub name: String = "GroupName",
    }

    /// Which service manages a resource for its owner: none. Not every answer says whether it is hidden for it.
    #[derive(Clone, Copy, Debug)]
    pub struct Operator {
        pub managed: bool = "Managed",
        pub hidden: Option<bool> = "HiddenByDefault",
    }

    /// Whether ways to and from the internet are blocked: there is nothing here that would block them all.
    #[derive(Clone, Debug)]
    pub struct Blocks { pub gateways: String = "InternetGatewayBlockMode" }
}

impl Blocks {
    pub fn none() -> Blocks {
        Blocks { gateways: "off".into() }
    }
}

impl Operator {
    pub const NONE: Operator = Operator { managed: false, hidden: None };
    pub const SHOWN: Operator = Operator { managed: false, hidden: Some(false) };
}

impl Flag {
    pub fn of(value: bool) -> Option<Flag> {
        Some(Flag { value: Some(value) })
    }
}

impl Text {
    pub fn of(value: &str) -> Option<Text> {
        Some(Text { value: Some(value.to_owned()) })
    }
}
