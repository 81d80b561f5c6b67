//! Console passwords, and the account's rules for them.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords.html>

use crate::iam::holder;
use crate::iam::model::{Account, LOGIN_PROFILES, LoginProfile, PasswordPolicy, User, of_user};
use crate::iam::subject::{self, Subject};
use crate::iam::{IamError, access::credential as access, access::user as user_access, password};
use auth::policy::Principal;
use base::Timestamp;
use kernel::{Cx, Empty, Nothing, access::any};

const LENGTH_DEFAULT: u32 = 6;

kernel::ops! {
    pub static OPS:
    CreateLoginProfile: create_login_profile, "iam:CreateLoginProfile", subject::access;
    GetLoginProfile: get_login_profile, "iam:GetLoginProfile", subject::access;
    UpdateLoginProfile: update_login_profile, "iam:UpdateLoginProfile", user_access::one;
    DeleteLoginProfile: delete_login_profile, "iam:DeleteLoginProfile", subject::access;
    ChangePassword: change_password, "iam:ChangePassword", access::own_password;
    UpdateAccountPasswordPolicy: update_policy, "iam:UpdateAccountPasswordPolicy", any;
    GetAccountPasswordPolicy: get_policy, "iam:GetAccountPasswordPolicy", any;
    DeleteAccountPasswordPolicy: delete_policy, "iam:DeleteAccountPasswordPolicy", any;
}

wire::shape! {
    #[derive(Clone, Debug)]
    pub struct CreateLoginProfile {
        pub user_name: Option<String> = "UserName",
        pub password: Option<String> = "Password",
        pub reset_required: Option<bool> = "PasswordResetRequired",
    }

    #[derive(Clone, Debug)]
    pub struct UpdateLoginProfile {
        pub user_name: String = "UserName",
        pub password: Option<String> = "Password",
        pub reset_required: Option<bool> = "PasswordResetRequired",
    }

    #[derive(Clone, Debug)]
    pub struct OfUser {
        pub user_name: Option<String> = "UserName",
    }

    #[derive(Clone, Debug)]
    pub struct ProfileShown {
        pub user_name: String = "UserName",
        pub create_date: Timestamp = "CreateDate",
        pub reset_required: bool = "PasswordResetRequired",
    }

    #[derive(Clone, Debug)]
    pub struct OneProfile {
        pub login_profile: ProfileShown = "LoginProfile",
    }

    #[derive(Clone, Debug)]
    pub struct ChangePassword {
        pub old: String = "OldPassword",
        pub new: String = "NewPassword",
    }

    #[derive(Clone, Debug)]
    pub struct UpdatePolicy {
        pub length_min: Option<u32> = "MinimumPasswordLength",
        pub needs_symbol: Option<bool> = "RequireSymbols",
        pub needs_number: Option<bool> = "RequireNumbers",
        pub needs_uppercase: Option<bool> = "RequireUppercaseCharacters",
        pub needs_lowercase: Option<bool> = "RequireLowercaseCharacters",
        pub users_may_change: Option<bool> = "AllowUsersToChangePassword",
        pub age_days_max: Option<u32> = "MaxPasswordAge",
        pub reuse_prevention: Option<u32> = "PasswordReusePrevention",
        pub hard_expiry: Option<bool> = "HardExpiry",
    }

    #[derive(Clone, Debug)]
    pub struct PolicyShown {
        pub length_min: u32 = "MinimumPasswordLength",
        pub needs_symbol: bool = "RequireSymbols",
        pub needs_number: bool = "RequireNumbers",
        pub needs_uppercase: bool = "RequireUppercaseCharacters",
        pub needs_lowercase: bool = "RequireLowercaseCharacters",
        pub users_may_change: bool = "AllowUsersToChangePassword",
        pub expire: bool = "ExpirePasswords",
        pub age_days_max: Option<u32> = "MaxPasswordAge",
        pub reuse_prevention: Option<u32> = "PasswordReusePrevention",
        pub hard_expiry: Option<bool> = "HardExpiry",
    }

    #[derive(Clone, Debug)]
    pub struct OnePolicy {
        pub policy: PolicyShown = "PasswordPolicy",
    }
}

fn shown(user: &User, profile: &LoginProfile) -> OneProfile {
    OneProfile {
        login_profile: ProfileShown {
            user_name: user.name.clone(),
            create_date: profile.created,
            reset_required: profile.reset_required,
        },
    }
}

fn find(cx: &Cx<'_>, user: &User) -> Result<LoginProfile, IamError> {
    let found = LOGIN_PROFILES.get(cx.tx, &of_user(cx.account, &user.id))?;
    found.ok_or_else(|| {
        let name = &user.name;
        IamError::NoSuchEntity(format!("Login Profile for User {name} cannot be found."))
    })
}

fn save(cx: &mut Cx<'_>, user: &User, profile: &LoginProfile) {
    LOGIN_PROFILES.put(cx.tx, &of_user(cx.account, &user.id), profile);
}

fn create_login_profile(cx: &mut Cx<'_>, req: CreateLoginProfile) -> Result<OneProfile, IamError> {
    let user = Subject::of(cx, req.user_name.as_deref())?.user()?;
    if LOGIN_PROFILES.contains(cx.tx, &of_user(cx.account, &user.id))? {
        let name = &user.name;
        return Err(IamError::EntityAlreadyExists(format!("Login Profile for user {name} already exists.")));
    }
    let Some(text) = req.password else {
        return Err(IamError::ValidationError("Must specify a password for the user".into()));
    };
    let policy = Account::of(cx.tx, cx.account)?.password_policy;
    password::check(&text, policy.as_ref(), cx.account)?;
    let reset = req.reset_required.unwrap_or(false);
    let profile = password::profile(cx.rng(), &text, reset, cx.now.whole_seconds());
    save(cx, &user, &profile);
    Ok(shown(&user, &profile))
}

fn get_login_profile(cx: &mut Cx<'_>, req: OfUser) -> Result<OneProfile, IamError> {
    let user = Subject::of(cx, req.user_name.as_deref())?.user()?;
    let profile = find(cx, &user)?;
    Ok(shown(&user, &profile))
}

fn update_login_profile(cx: &mut Cx<'_>, req: UpdateLoginProfile) -> Result<Empty, IamError> {
    let user: User = holder::find(cx.tx, cx.account, &req.user_name)?;
    let mut profile = find(cx, &user)?;
    if let Some(text) = req.password {
        let policy = Account::of(cx.tx, cx.account)?.password_policy;
        password::check(&text, policy.as_ref(), cx.account)?;
        password::change(&mut profile, &text, policy.as_ref(), cx.now.whole_seconds())?;
    }
    if let Some(reset_required) = req.reset_required {
        profile.reset_required = reset_required;
    }
    save(cx, &user, &profile);
    Ok(Empty)
}

fn delete_login_profile(cx: &mut Cx<'_>, req: OfUser) -> Result<Empty, IamError> {
    let user = Subject::of(cx, req.user_name.as_deref())?.user()?;
    find(cx, &user)?;
    LOGIN_PROFILES.delete(cx.tx, &of_user(cx.account, &user.id));
    Ok(Empty)
}

fn change_password(cx: &mut Cx<'_>, req: ChangePassword) -> Result<Empty, IamError> {
    let Principal::User { .. } = cx.caller.principal else {
        return Err(IamError::InvalidUserType("Only IAM Users can change their own password".into()));
    };
    let user = Subject::of(cx, None)?.user()?;
    let mut profile = find(cx, &user)?;
    if !password::matches(&profile, &req.old) {
        return Err(IamError::AccessDenied("The old password is incorrect".into()));
    }
    let policy = Account::of(cx.tx, cx.account)?.password_policy;
    password::check(&req.new, policy.as_ref(), cx.account)?;
    password::change(&mut profile, &req.new, policy.as_ref(), cx.now.whole_seconds())?;
    profile.reset_required = false;
    save(cx, &user, &profile);
    Ok(Empty)
}

/// Sets the whole policy: what the request leaves out goes back to its default.
fn update_policy(cx: &mut Cx<'_>, req: UpdatePolicy) -> Result<Empty, IamError> {
    let mut account = Account::of(cx.tx, cx.account)?;
    account.password_policy = Some(PasswordPolicy {
        length_min: req.length_min.unwrap_or(LENGTH_DEFAULT),
        needs_symbol: req.needs_symbol.unwrap_or(false),
        needs_number: req.needs_number.unwrap_or(false),
        needs_uppercase: req.needs_uppercase.unwrap_or(false),
        needs_lowercase: req.needs_lowercase.unwrap_or(false),
        users_may_change: req.users_may_change.unwrap_or(false),
        age_days_max: req.age_days_max,
        reuse_prevention: req.reuse_prevention,
        hard_expiry: req.hard_expiry,
    });
    account.save(cx.tx, cx.account);
    Ok(Empty)
}

fn policy(cx: &Cx<'_>, account: &mut Account) -> Result<PasswordPolicy, IamError> {
    account.password_policy.take().ok_or_else(|| {
        let id = cx.account;
        IamError::NoSuchEntity(format!("The Password Policy with domain name {id} cannot be found."))
    })
}

fn get_policy(cx: &mut Cx<'_>, _: Nothing) -> Result<OnePolicy, IamError> {
    let policy = policy(cx, &mut Account::of(cx.tx, cx.account)?)?;
    Ok(OnePolicy {
        policy: PolicyShown {
            length_min: policy.length_min,
            needs_symbol: policy.needs_symbol,
            needs_number: policy.needs_number,
            needs_uppercase: policy.needs_uppercase,
            needs_lowercase: policy.needs_lowercase,
            users_may_change: policy.users_may_change,
            expire: policy.age_days_max.is_some(),
            age_days_max: policy.age_days_max,
            reuse_prevention: policy.reuse_prevention,
            hard_expiry: policy.hard_expiry,
        },
    })
}

fn delete_policy(cx: &mut Cx<'_>, _: Nothing) -> Result<Empty, IamError> {
    let mut account = Account::of(cx.tx, cx.account)?;
    policy(cx, &mut account)?;
    account.save(cx.tx, cx.account);
    Ok(Empty)
}
