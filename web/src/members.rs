//! The people of a tenant, a part of `/tenants/{tenant}/settings`: who they are, who is invited, and the
//! forms that change it.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::post,
};
use control::{
    Admin, Error, Member, Platform, Viewer,
    invitations::{self, Invitation, NewInvitation},
    members,
};
use domain::{InvitationId, Problems, Role, UserId, page::PageRequest, user::Email};
use serde::Deserialize;

use crate::{
    csrf::{Form, Nothing},
    errors::{self, Result},
    extract::{As, Path, Visit},
    flash, format,
    forms::{self, Faults},
    tenant_settings::{self, Changed},
    tenants::role_word,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new()
        .route("/tenants/{tenant}/members/{user}/role", post(set_role))
        .route("/tenants/{tenant}/members/{user}/remove", post(remove))
        .route("/tenants/{tenant}/invitations", post(invite))
        .route(
            "/tenants/{tenant}/invitations/{invitation}/revoke",
            post(revoke),
        )
}

/// As the page shows them.
pub(crate) struct People {
    pub(crate) members: Vec<Row>,
    pub(crate) next_cursor: Option<String>,
    pub(crate) invitations: Vec<Open>,
    pub(crate) can_invite: bool,
    pub(crate) has_mail: bool,
    pub(crate) form: Inviting,
    pub(crate) told: Option<Told>,
    pub(crate) days: u32,
    pub(crate) max_days: u32,
}

pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) role: &'static str,
    pub(crate) choices: Vec<Choice>,
    pub(crate) revision: i64,
    pub(crate) is_self: bool,
    pub(crate) can_remove: bool,
}

/// A role that may be chosen.
pub(crate) struct Choice {
    pub(crate) value: &'static str,
    pub(crate) word: &'static str,
    pub(crate) chosen: bool,
}

pub(crate) struct Open {
    pub(crate) id: String,
    pub(crate) email: Option<String>,
    pub(crate) role: &'static str,
    pub(crate) until: String,
}

/// A link that was just made; it is shown this once.
pub(crate) struct Told {
    pub(crate) link: String,
    pub(crate) email: Option<String>,
    pub(crate) mailed: bool,
    pub(crate) until: String,
}

#[derive(Default, Deserialize)]
pub(crate) struct Inviting {
    #[serde(default)]
    pub(crate) email: String,
    #[serde(default)]
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) expires_in_days: String,
}

const ROLES: [(Role, &str); 5] = [
    (Role::Viewer, "viewer"),
    (Role::Developer, "developer"),
    (Role::Admin, "admin"),
    (Role::Owner, "owner"),
    (Role::Billing, "billing"),
];

impl People {
    pub(crate) async fn of(
        platform: &Platform,
        viewer: &Member<Viewer>,
        page: &PageRequest,
    ) -> Result<Self> {
        let members = members::list(platform, viewer, page).await?;
        let admin = viewer.at_least::<Admin>();
        let invitations = match &admin {
            Some(admin) => {
                let all = PageRequest {
                    limit: Some(PageRequest::MAX_LIMIT),
                    cursor: None,
                };
                invitations::list(platform, admin, &all).await?.items
            }
            None => Vec::new(),
        };
        Ok(Self {
            members: members
                .items
                .into_iter()
                .map(|member| row(viewer, member))
                .collect(),
            next_cursor: members.next_cursor,
            invitations: invitations.into_iter().map(open).collect(),
            can_invite: admin.is_some(),
            has_mail: platform.mail.is_configured(),
            form: Inviting::default(),
            told: None,
            days: invitations::DEFAULT_DAYS,
            max_days: invitations::MAX_DAYS,
        })
    }

    /// For the form that invites.
    pub(crate) fn roles(&self, own: &Role) -> Vec<Choice> {
        choices(*own, &self.form.role)
    }
}

fn row(viewer: &Member<Viewer>, member: control::Membership) -> Row {
    let admin = viewer.role.includes(Role::Admin);
    let owner = viewer.role == Role::Owner;
    let is_self = viewer.actor.user == Some(member.user);
    let may_change = admin && (owner || member.role != Role::Owner);
    let role = role_word(member.role);
    Row {
        id: member.user.to_string(),
        choices: if may_change {
            choices(viewer.role, &role.to_lowercase())
        } else {
            Vec::new()
        },
        name: member.name,
        email: member.email.to_string(),
        role,
        revision: member.revision,
        can_remove: is_self || may_change,
        is_self,
    }
}

/// Only an owner makes owners.
fn choices(own: Role, chosen: &str) -> Vec<Choice> {
    let given = ROLES
        .iter()
        .filter(|(role, _)| *role != Role::Owner || own == Role::Owner);
    given
        .map(|&(role, value)| Choice {
            value,
            word: role_word(role),
            chosen: value == chosen,
        })
        .collect()
}

fn open(invitation: Invitation) -> Open {
    Open {
        id: invitation.id.to_string(),
        email: invitation.email.map(String::from),
        role: role_word(invitation.role),
        until: format::day(invitation.expires_at),
    }
}

fn role(text: &str) -> Option<Role> {
    let known = ROLES.iter().find(|(_, value)| *value == text);
    known.map(|(role, _)| *role)
}

#[derive(Deserialize)]
struct OfMember {
    user: UserId,
}

#[derive(Deserialize)]
struct NewRole {
    revision: i64,
    role: String,
}

async fn set_role(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Path(of): Path<OfMember>,
    visit: Visit,
    Form(form): Form<NewRole>,
) -> Result<Response> {
    let changed = match role(&form.role) {
        Some(role) => members::set_role(&platform, &admin, of.user, role, form.revision).await,
        None => Err(domain::Invalid::new("role", "choose a role").into()),
    };
    match changed {
        Ok(member) => {
            let said = format!("{} is {} now.", member.email, role_word(member.role));
            Ok(back(&platform, &admin, &said))
        }
        Err(error) => refused(&platform, &admin, visit, error).await,
    }
}

#[derive(Deserialize)]
struct Revision {
    revision: i64,
}

async fn remove(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(of): Path<OfMember>,
    visit: Visit,
    Form(form): Form<Revision>,
) -> Result<Response> {
    match members::remove(&platform, &viewer, of.user, form.revision).await {
        Ok(()) if viewer.actor.user == Some(of.user) => {
            let said = flash::say(&platform, &format!("You left {}.", viewer.slug));
            Ok((said, Redirect::to("/tenants")).into_response())
        }
        Ok(()) => Ok(back(&platform, &viewer, "The member is removed.")),
        Err(error) => refused(&platform, &viewer, visit, error).await,
    }
}

async fn invite(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    visit: Visit,
    Form(form): Form<Inviting>,
) -> Result<Response> {
    let told = match form.parse() {
        Ok(new) => invitations::create(&platform, &admin, new).await,
        Err(problems) => Err(problems.into()),
    };
    match told {
        Ok(told) => {
            let invitation = told.invitation;
            let changed = Changed {
                told: Some(Told {
                    link: told.link,
                    email: invitation.email.map(String::from),
                    mailed: told.mailed,
                    until: format::day(invitation.expires_at),
                }),
                ..Changed::default()
            };
            let page = tenant_settings::page(&platform, &admin, visit, changed).await?;
            Ok(page.into_response())
        }
        Err(error) => {
            let status = errors::status(&error);
            let faults = forms::mendable(error, &["email", "role", "expires_in_days"])?;
            let changed = Changed {
                faults,
                inviting: form,
                ..Changed::default()
            };
            let page = tenant_settings::page(&platform, &admin, visit, changed).await?;
            Ok((status, page).into_response())
        }
    }
}

impl Inviting {
    fn parse(&self) -> Result<NewInvitation, Problems> {
        let mut problems = Problems::default();
        let email = match self.email.trim() {
            "" => Ok(None),
            text => Email::parse(text).map(Some),
        };
        let email = problems.keep("email", email);
        let role = role(&self.role);
        if role.is_none() {
            problems.push("role", "choose a role");
        }
        let days = self.expires_in_days.trim();
        let expires_in_days = days.parse().ok();
        if expires_in_days.is_none() {
            problems.push("expires_in_days", "give a number of days");
        }
        let (Some(email), Some(role), true) = (email, role, problems.0.is_empty()) else {
            return Err(problems);
        };
        Ok(NewInvitation {
            email,
            role,
            expires_in_days,
        })
    }
}

#[derive(Deserialize)]
struct OfInvitation {
    invitation: InvitationId,
}

async fn revoke(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Path(of): Path<OfInvitation>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response> {
    invitations::revoke(&platform, &admin, of.invitation).await?;
    Ok(back(
        &platform,
        &admin,
        "The invitation is taken back: its link leads nowhere.",
    ))
}

fn back<R>(platform: &Platform, member: &Member<R>, said: &str) -> Response {
    let address = format!("/tenants/{}/settings#members", member.slug);
    (flash::say(platform, said), Redirect::to(&address)).into_response()
}

/// What has no field to stand beside.
async fn refused<R>(
    platform: &Platform,
    member: &Member<R>,
    visit: Visit,
    error: Error,
) -> Result<Response> {
    let status = errors::status(&error);
    let faults: Faults = forms::mendable(error, &[])?;
    let changed = Changed {
        faults,
        ..Changed::default()
    };
    let page = tenant_settings::page(platform, member, visit, changed).await?;
    Ok((status, page).into_response())
}
