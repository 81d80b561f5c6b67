//! The one in-process integration binary: requests as bytes against a whole cloud in memory, without sockets.

#![allow(
    clippy::needless_pass_by_value,
    clippy::redundant_clone,
    clippy::type_complexity,
    clippy::wrong_self_convention,
    reason = "a test reads best where it hands over what it has just written, and its cases are rows of many columns"
)]

mod accessanalyzer;
mod cloudformation_change_sets;
mod cloudformation_kinds;
mod cloudformation_rights;
mod cloudformation_stacks;
mod cloudformation_updates;
mod cloudtrail_lookup;
mod cloudwatch;
mod cloudwatch_composites;
mod dynamodb_access;
mod dynamodb_backups;
mod dynamodb_composite;
mod dynamodb_encryption;
mod dynamodb_global;
mod dynamodb_items;
mod dynamodb_model;
mod dynamodb_partiql;
mod dynamodb_streams;
mod dynamodb_tables;
mod dynamodb_throughput;
mod ec2_instances;
mod ec2_metadata;
mod ec2_profiles;
mod ec2_templates;
mod ec2_zones;
mod edges;
mod events_delivery;
mod events_rules;
mod fixture;
mod harness;
mod iam_credentials;
mod iam_groups;
mod iam_keys;
mod iam_mfa;
mod iam_pems;
mod iam_policies;
mod iam_providers;
mod iam_reports;
mod iam_roles;
mod iam_secrets;
mod iam_users;
mod kernel_audit;
mod kernel_auth;
mod kernel_bus;
mod kernel_callers;
mod kernel_clock;
mod kernel_data;
mod kernel_nested;
mod kernel_reconcile;
mod kernel_requests;
mod kernel_saga;
mod kms_access;
mod kms_crypto;
mod kms_grants;
mod kms_keys;
mod kms_life;
mod kms_managed;
mod lambda_functions;
mod lambda_invoke;
mod logs_events;
mod logs_groups;
mod logs_metric_filters;
mod matrix;
mod organizations;
mod rest_xml;
mod s3_access;
mod s3_ageing;
mod s3_buckets;
mod s3_copies;
mod s3_events;
mod s3_forms;
mod s3_objects;
mod s3_replication;
mod s3_sites;
mod s3_uploads;
mod sns_delivery;
mod sns_topics;
mod sqs_dead_letters;
mod sqs_fifo;
mod sqs_keys;
mod sqs_messages;
mod sqs_queues;
mod ssm_parameters;
mod sts_assume_role;
mod sts_saml;
mod sts_sessions;
mod sts_web_identity;
mod tables;
mod vpc_access;
mod vpc_addresses;
mod vpc_connections;
mod vpc_groups;
mod vpc_networks;
mod vpc_plane;
mod vpc_resolver;
mod vpc_routes;
mod vpc_why;
