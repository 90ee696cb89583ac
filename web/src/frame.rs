//! What stands around a page: who is signed in, which tenant, where in it, and the last message.

use control::{Actor, Member, Platform};

use crate::{errors::Result, extract::Visit};

pub(crate) struct Frame {
    pub(crate) csrf: String,
    pub(crate) flash: Option<String>,
    pub(crate) user: String,
    pub(crate) tenant: Option<Place>,
    /// Whether the page is about the person.
    pub(crate) at_account: bool,
}

/// A tenant, and which of its pages this is.
pub(crate) struct Place {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) page: &'static str,
}

impl Frame {
    pub(crate) async fn of(platform: &Platform, actor: &Actor, visit: Visit) -> Result<Self> {
        let user = control::sessions::me(platform, actor).await?;
        Ok(Self {
            csrf: visit.csrf,
            flash: visit.flash,
            user: user.email.to_string(),
            tenant: None,
            at_account: false,
        })
    }

    /// `page` is the entry of the rail to mark, the name of its last path segment.
    pub(crate) async fn in_tenant<R>(
        platform: &Platform,
        member: &Member<R>,
        visit: Visit,
        page: &'static str,
    ) -> Result<Self> {
        let mut frame = Self::of(platform, &member.actor, visit).await?;
        let tenant = control::tenants::get(platform, &member.as_viewer()).await?;
        frame.tenant = Some(Place {
            slug: tenant.slug.to_string(),
            name: tenant.name,
            page,
        });
        Ok(frame)
    }

    pub(crate) fn at(&self, page: &str) -> bool {
        self.tenant.as_ref().is_some_and(|place| place.page == page)
    }
}
