//! Tenants, accounts, tokens and who one is.

use async_graphql::connection::{Connection, EmptyFields};
use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use super::connection::Page;
use super::id;
use super::problem::payload;
use super::scalars::Instant;
use crate::access::{self, Op};

/// A tenant: a customer organisation, or the operator.
pub struct Tenant(pub access::Tenant);

#[Object]
impl Tenant {
    pub async fn id(&self) -> ID {
        id::encode("Tenant", self.0.id, self.0.id)
    }

    /// Short name that people and logs use.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    async fn name_ja(&self) -> &str {
        &self.0.name_ja
    }

    async fn name_en(&self) -> &str {
        &self.0.name_en
    }

    /// Whether it is the operator of this installation.
    async fn operator(&self) -> bool {
        self.0.operator
    }

    /// Who may act for it.
    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn accounts(&self, context: &Context<'_>) -> async_graphql::Result<Vec<Account>> {
        let accounts = access::list_accounts(context.data::<Op>()?, self.0.id).await?;
        Ok(accounts.into_iter().map(Account).collect())
    }
}

/// Roles that an account can have.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "crate::access::Role")]
pub enum Role {
    OperatorAdmin,
    ComplianceOfficer,
    Approver,
    TenantAdmin,
    TenantStaff,
    CallCentre,
    Auditor,
    Service,
}

/// An account of a person or program that acts on Suimon.
pub struct Account(pub access::Account);

#[Object]
impl Account {
    pub async fn id(&self) -> ID {
        id::encode("Account", self.0.tenant, self.0.id)
    }

    async fn login(&self) -> &str {
        &self.0.login
    }

    async fn display_name(&self) -> &str {
        &self.0.display_name
    }

    async fn roles(&self) -> Vec<Role> {
        self.0.roles.iter().copied().map(Role::from).collect()
    }

    async fn active(&self) -> bool {
        self.0.active
    }

    /// Until then no password opens a session, because too many wrong ones were tried. Setting another password, or
    /// `suimon account unlock` on the service's machine, ends it.
    async fn locked_until(&self) -> Option<Instant> {
        self.0.locked_until.map(Instant)
    }

    /// Providers of identity at which a subject is linked to the account.
    async fn linked_issuers(&self) -> &[String] {
        &self.0.linked_issuers
    }

    /// Whether signing in asks for a second factor.
    async fn second_factor(&self) -> bool {
        self.0.second_factor
    }
}

/// A token for programs, without its secret.
pub struct ApiToken(pub access::ApiToken);

#[Object]
impl ApiToken {
    pub async fn id(&self) -> ID {
        id::encode("ApiToken", self.0.tenant, self.0.id)
    }

    async fn label(&self) -> &str {
        &self.0.label
    }

    /// What it is limited to: `action:object`.
    async fn scopes(&self) -> &[String] {
        &self.0.scopes
    }

    async fn created_at(&self) -> Instant {
        self.0.created_at.into()
    }

    async fn expires_at(&self) -> Instant {
        self.0.expires_at.into()
    }

    /// To the minute; null when it was never used.
    async fn last_used_at(&self) -> Option<Instant> {
        self.0.last_used_at.map(Instant)
    }

    async fn revoked_at(&self) -> Option<Instant> {
        self.0.revoked_at.map(Instant)
    }
}

/// Who you are to Suimon.
#[derive(SimpleObject)]
pub struct Viewer {
    /// The account; none for the service itself.
    account_id: Option<ID>,
    tenant: Tenant,
}

/// A new token. The secret is told this one time.
#[derive(SimpleObject)]
pub struct IssuedToken {
    token: ApiToken,
    secret: String,
}

/// What was created.
#[derive(SimpleObject)]
pub struct TenantsCreated {
    created: i32,
}

/// The change was made.
#[derive(SimpleObject)]
pub struct Done {
    /// The id of what was changed.
    pub(super) id: ID,
}

/// A tenant to create.
#[derive(async_graphql::InputObject)]
pub struct NewTenant {
    slug: String,
    name_ja: String,
    name_en: String,
}

payload!(
    /// Result of `createTenants`.
    CreateTenantsPayload, TenantsCreated
);
payload!(
    /// Result of `createAccount`.
    CreateAccountPayload, Account
);
payload!(
    /// Result of `issueToken`.
    IssueTokenPayload, IssuedToken
);
payload!(
    /// Result of a change of an account or token.
    AccessChangePayload, Done
);

#[derive(Default)]
pub struct AccessQuery;

#[Object]
impl AccessQuery {
    /// Who you are.
    async fn viewer(&self, context: &Context<'_>) -> async_graphql::Result<Viewer> {
        let op = context.data::<Op>()?;
        let tenant = Tenant(access::tenant_by_id(op, op.actor().tenant).await?);
        let account_id = op.actor().account.map(|account| id::encode("Account", op.actor().tenant, account));
        Ok(Viewer { account_id, tenant })
    }

    /// Tenants that you may see, by slug.
    #[graphql(complexity = "crate::graphql::connection::cost(first, child_complexity)")]
    async fn tenants(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<String, Tenant, EmptyFields, EmptyFields>> {
        let page = Page::read(context, first, after)?;
        let rows = access::list_tenants(context.data::<Op>()?, page.after.clone(), page.limit()).await?;
        Ok(page.connection(rows, |row| row.slug.clone(), Tenant))
    }

    /// A tenant by its slug.
    async fn tenant(&self, context: &Context<'_>, slug: String) -> async_graphql::Result<Tenant> {
        Ok(Tenant(access::tenant_by_slug(context.data::<Op>()?, &slug).await?))
    }

    /// Tokens that you may see.
    async fn api_tokens(&self, context: &Context<'_>) -> async_graphql::Result<Vec<ApiToken>> {
        Ok(access::list_tokens(context.data::<Op>()?).await?.into_iter().map(ApiToken).collect())
    }
}

#[derive(Default)]
pub struct AccessMutation;

#[Object]
impl AccessMutation {
    /// Creates tenants; one that exists already is left as it is.
    async fn create_tenants(
        &self,
        context: &Context<'_>,
        tenants: Vec<NewTenant>,
    ) -> async_graphql::Result<CreateTenantsPayload> {
        let new = tenants
            .into_iter()
            .map(|NewTenant { slug, name_ja, name_en }| access::NewTenant { slug, name_ja, name_en })
            .collect();
        let result = access::create_tenants(context.data::<Op>()?, new).await;
        CreateTenantsPayload::from_result(result, |created| TenantsCreated {
            created: i32::try_from(created).unwrap_or(i32::MAX),
        })
    }

    /// Creates an account in a tenant. Without a password it can only use tokens.
    async fn create_account(
        &self,
        context: &Context<'_>,
        tenant_id: ID,
        login: String,
        display_name: String,
        roles: Vec<Role>,
        password: Option<String>,
    ) -> async_graphql::Result<CreateAccountPayload> {
        let result = async {
            let (tenant, _) = id::decode("Tenant", &tenant_id, "tenantId")?;
            let roles = roles.into_iter().map(Into::into).collect();
            let new = access::NewAccount { login, display_name, roles, password };
            access::create_account(context.data_unchecked::<Op>(), tenant, new).await
        };
        CreateAccountPayload::from_result(result.await, Account)
    }

    /// Replaces the roles of an account and ends its sessions.
    async fn set_account_roles(
        &self,
        context: &Context<'_>,
        account_id: ID,
        roles: Vec<Role>,
    ) -> async_graphql::Result<AccessChangePayload> {
        let result = async {
            let (tenant, account) = id::decode("Account", &account_id, "accountId")?;
            let roles = roles.into_iter().map(Into::into).collect();
            access::set_roles(context.data_unchecked::<Op>(), tenant, account, roles).await
        };
        AccessChangePayload::from_result(result.await, |()| Done { id: account_id.clone() })
    }

    /// Sets another password and ends the sessions of the account.
    async fn set_account_password(
        &self,
        context: &Context<'_>,
        account_id: ID,
        password: String,
    ) -> async_graphql::Result<AccessChangePayload> {
        let result = async {
            let (tenant, account) = id::decode("Account", &account_id, "accountId")?;
            access::set_password(context.data_unchecked::<Op>(), tenant, account, password).await
        };
        AccessChangePayload::from_result(result.await, |()| Done { id: account_id.clone() })
    }

    /// Disables an account: its sessions and tokens stop at once.
    async fn disable_account(
        &self,
        context: &Context<'_>,
        account_id: ID,
    ) -> async_graphql::Result<AccessChangePayload> {
        let result = async {
            let (tenant, account) = id::decode("Account", &account_id, "accountId")?;
            access::disable_account(context.data_unchecked::<Op>(), tenant, account).await
        };
        AccessChangePayload::from_result(result.await, |()| Done { id: account_id.clone() })
    }

    /// Issues a token for your own account, limited to `scopes` (`action:object`) and `days`.
    async fn issue_token(
        &self,
        context: &Context<'_>,
        label: String,
        scopes: Vec<String>,
        days: u32,
    ) -> async_graphql::Result<IssueTokenPayload> {
        let result = access::issue_token(context.data::<Op>()?, &label, &scopes, days).await;
        IssueTokenPayload::from_result(result, |issued| IssuedToken {
            token: ApiToken(issued.token),
            secret: issued.secret,
        })
    }

    /// Revokes a token.
    async fn revoke_token(
        &self,
        context: &Context<'_>,
        token_id: ID,
    ) -> async_graphql::Result<AccessChangePayload> {
        let result = async {
            let (tenant, token) = id::decode("ApiToken", &token_id, "tokenId")?;
            access::revoke_token(context.data_unchecked::<Op>(), tenant, token).await
        };
        AccessChangePayload::from_result(result.await, |()| Done { id: token_id.clone() })
    }
}
