/**
 * What this project's own server does not offer, and what it does not do yet. Both lists are exact: a test fails when something in them works,
 * and when something that is not in them does not.
 */

/** Capabilities that are not advertised, with the capability object that would list them. Cases that need them are for other servers; those that lack them, for this one. */
export const notOffered: ReadonlySet<string> = new Set([
  'container: cdmi_acl',
  'container: cdmi_assignedsize',
  'container: cdmi_copy_queue',
  'container: cdmi_create_queue',
  'container: cdmi_deserialize_queue',
  'container: cdmi_export_container_iscsi',
  'container: cdmi_export_container_nfs',
  'container: cdmi_export_container_occi',
  'container: cdmi_export_container_s3',
  'container: cdmi_export_container_smb',
  'container: cdmi_export_container_webdav',
  'container: cdmi_move_queue',
  'container: cdmi_post_queue',
  'container: cdmi_serialize_domain',
  'container: cdmi_serialize_queue',
  'container: cdmi_snapshot',
  'dataobject: cdmi_acl',
  'dataobject: cdmi_data_retention',
  'dataobject: cdmi_geographic_placement',
  'dataobject: cdmi_version_current',
  'dataobject: cdmi_version_object',
  'dataobject: cdmi_version_oldest',
  'dataobject: cdmi_versioning',
  'system: cdmi_copy_dataobject_from_queue',
  'system: cdmi_copy_queue_by_ID',
  'system: cdmi_deserialize_queue_by_ID',
  'system: cdmi_domains',
  'system: cdmi_enc_access',
  'system: cdmi_enc_inplace',
  'system: cdmi_enc_jwe',
  'system: cdmi_object_copy_from_remote',
  'system: cdmi_object_move_from_remote',
  'system: cdmi_post_queue_by_ID',
  'system: cdmi_queues',
  'system: cdmi_security_access_control',
  'system: cdmi_security_encryption',
  'system: cdmi_security_immutability',
  'system: cdmi_security_sanitization',
  'system: cdmi_serialize_domain_to_ID',
  'system: cdmi_serialize_queue_to_ID',
  'system: cdmi_snapshots'
])

/** Titles of cases that fail. */
export const notYet: ReadonlySet<string> = new Set([])
