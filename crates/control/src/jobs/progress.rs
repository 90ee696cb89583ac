//! The operation that people watch while a deployment goes live.

use domain::{
    OperationId, TenantId,
    operation::{OperationState, Step},
};
use store::{Connection, operations};

use crate::{Error, Platform};

pub(super) struct Progress<'a> {
    p: &'a Platform,
    tenant: TenantId,
    operation: OperationId,
    steps: Vec<Step>,
}

impl<'a> Progress<'a> {
    pub(super) async fn read(
        p: &'a Platform,
        tenant: TenantId,
        operation: OperationId,
    ) -> Result<Self, Error> {
        let mut tx = p.db.platform().await?;
        let found = operations::find(&mut tx, tenant, operation).await?;
        Ok(Self {
            p,
            tenant,
            operation,
            steps: found.map(|operation| operation.steps).unwrap_or_default(),
        })
    }

    /// Whether that is news.
    pub(super) fn set(&mut self, name: &str, done: usize, total: usize) -> bool {
        let (done, total) = (done as u32, total as u32);
        let Some(step) = self.steps.iter_mut().find(|step| step.name == name) else {
            return false;
        };
        let finished = done == total;
        let news =
            (step.done, step.total) != (done, total) || finished != step.finished_at.is_some();
        (step.done, step.total) = (done, total);
        if finished {
            step.finished_at = step.finished_at.or_else(|| Some(self.p.clock.now()));
        } else {
            step.finished_at = None;
        }
        news
    }

    pub(super) async fn write(&self, state: OperationState) -> Result<(), Error> {
        let mut tx = self.p.db.platform().await?;
        self.save(&mut tx, state).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn save(
        &self,
        tx: &mut Connection,
        state: OperationState,
    ) -> Result<(), Error> {
        let now = self.p.clock.now();
        operations::update(tx, self.tenant, self.operation, state, &self.steps, now).await?;
        Ok(())
    }
}
