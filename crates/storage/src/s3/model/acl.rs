//! Access control lists as they are kept.

use base::AccountId;

store::record_enum! {
    /// Who is granted something.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
    pub enum Grantee {
        /// `http://acs.amazonaws.com/groups/global/AllUsers`
        1 => AllUsers,
        /// `http://acs.amazonaws.com/groups/global/AuthenticatedUsers`
        2 => AuthenticatedUsers,
        /// `http://acs.amazonaws.com/groups/s3/LogDelivery`
        3 => LogDelivery,
        /// A canonical user.
        4 => Account(AccountId),
    }

    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
    pub enum Permission {
        1 => FullControl,
        2 => Write,
        3 => WriteAcp,
        4 => Read,
        5 => ReadAcp,
    }
}

store::record! {
    #[derive(Clone, PartialEq, Eq, Debug)]
    pub struct Grant {
        1 => pub grantee: Grantee,
        2 => pub permission: Permission,
    }
}
