//! The tables, one file each, nothing else.
//!
//! Conventions: every row carries the tenant whose row it is, and the tenant leads the primary key, so that tables can be
//! distributed by tenant. Instants are microseconds since the Unix epoch in UTC (`i64`): the one form that both databases
//! store, compare and index alike. JSON documents are text, because some of them are hashed and must not be re-ordered.

pub mod access_rule;
pub mod account;
pub mod api_token;
pub mod assessment;
pub mod audit_beginning;
pub mod audit_checkpoint;
pub mod audit_entry;
pub mod audit_entry_subject;
pub mod audit_head;
pub mod blind_index;
pub mod captured_mail;
pub mod catalogue_copy;
pub mod consultation;
pub mod corrective_action;
pub mod denial;
pub mod duty;
pub mod duty_reminder;
pub mod emergency_access;
pub mod evidence;
pub mod evidence_newest;
pub mod fact;
pub mod finding;
pub mod gift_code;
pub mod guard_node;
pub mod guard_sighting;
pub mod import_batch;
pub mod import_run;
pub mod incident;
pub mod incident_document;
pub mod incident_entry;
pub mod incident_member;
pub mod inquiry;
pub mod inquiry_answer;
pub mod job;
pub mod manifest_approval;
pub mod manifest_version;
pub mod membership;
pub mod message;
pub mod message_event;
pub mod notice;
pub mod oidc_identity;
pub mod oidc_logout;
pub mod oidc_return;
pub mod part_index;
pub mod portal_act;
pub mod portal_code;
pub mod portal_session;
pub mod recovery_code;
pub mod revision;
pub mod revision_person;
pub mod revision_residence;
pub mod scan_file;
pub mod scan_part;
pub mod second_factor;
pub mod service_secret;
pub mod session;
pub mod sign_in_step;
pub mod subject;
pub mod tenant;
pub mod tenant_key;
