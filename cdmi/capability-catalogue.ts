/**
 * Every capability of the standard that works here, once: this list makes the capability objects and gates the operations, so that what is
 * advertised and what works cannot drift apart (GEN-01, CAP-10, CAP-12).
 */

import { hashAlgorithms } from './value-hash.js'

/** The capability objects that the standard has for every server (CAP-01); `system` is `/cdmi_capabilities/` itself. */
export type Scope = 'system' | 'dataobject' | 'container'

/** What a capability says: `true`, a limit of this server, what may be chosen from; or what its operator configured, without which it is not offered. */
export type CapabilityValue = 'true'
  | { readonly limit: 'metadataItems' | 'metadataItemSize' | 'metadataSize' | 'partialTimeout' }
  | { readonly list: readonly string[] }
  | { readonly offer: 'templates' | 'locations' | 'copies' | 'remoteSources' }

type Catalogue<S extends string> = Readonly<Record<S, CapabilityValue>>

const system = {
  cdmi_dataobjects: 'true',
  cdmi_object_access_by_ID: 'true',
  cdmi_post_dataobject_by_ID: 'true',
  cdmi_create_value_range_by_ID: 'true',
  cdmi_multipart_mime: 'true',
  cdmi_references: 'true',
  cdmi_create_reference_by_ID: 'true',
  cdmi_copy_dataobject_by_ID: 'true',
  cdmi_object_copy_from_local: 'true',
  cdmi_object_copy_from_remote: { offer: 'remoteSources' },
  cdmi_object_move_from_local: 'true',
  cdmi_object_move_from_remote: { offer: 'remoteSources' },
  cdmi_object_move_from_ID: 'true',
  cdmi_object_move_to_ID: 'true',
  cdmi_valuetransferencoding_json: 'true',
  cdmi_serialization_json: 'true',
  cdmi_serialize_dataobject_to_ID: 'true',
  cdmi_serialize_container_to_ID: 'true',
  cdmi_deserialize_dataobject_by_ID: 'true',
  cdmi_capabilities_templates: { offer: 'templates' },
  cdmi_capabilities_exact_inherit: { offer: 'templates' },
  cdmi_cors: 'true',
  cdmi_security_data_integrity: 'true',
  cdmi_partial: 'true',
  cdmi_partial_uploadid: 'true',
  cdmi_partial_count: 'true',
  cdmi_partial_range: 'true',
  cdmi_partial_replace: 'true',
  cdmi_partial_timeout: { limit: 'partialTimeout' },
  cdmi_metadata_maxitems: { limit: 'metadataItems' },
  cdmi_metadata_maxsize: { limit: 'metadataItemSize' },
  cdmi_metadata_maxtotalsize: { limit: 'metadataSize' }
} as const satisfies Catalogue<string>

/** Storage system metadata that is generated (CAP-21). */
const generated = {
  cdmi_size: 'true',
  cdmi_ctime: 'true',
  cdmi_atime: 'true',
  cdmi_mtime: 'true',
  cdmi_acount: 'true',
  cdmi_mcount: 'true'
} as const satisfies Catalogue<string>

/** Data system metadata that is acted on (CAP-22). */
const honoured = {
  cdmi_value_hash: { list: hashAlgorithms },
  cdmi_data_redundancy: { offer: 'copies' },
  cdmi_data_affinity: { offer: 'locations' },
  cdmi_cors_methods: { list: ['GET', 'HEAD', 'PUT', 'PATCH', 'POST', 'DELETE', 'OPTIONS'] },
  cdmi_cors_origins: 'true',
  cdmi_cors_headers: 'true'
} as const satisfies Catalogue<string>

const dataobject = {
  ...generated,
  ...honoured,
  cdmi_read_value: 'true',
  cdmi_read_value_range: 'true',
  cdmi_read_metadata: 'true',
  cdmi_modify_value: 'true',
  cdmi_modify_value_range: 'true',
  cdmi_modify_metadata: 'true',
  cdmi_modify_deserialize_dataobject: 'true',
  cdmi_delete_dataobject: 'true'
} as const satisfies Catalogue<string>

const container = {
  ...generated,
  ...honoured,
  cdmi_list_children: 'true',
  cdmi_list_children_range: 'true',
  cdmi_list_children_extended: 'true',
  cdmi_list_children_recursive: 'true',
  cdmi_read_metadata: 'true',
  cdmi_modify_metadata: 'true',
  cdmi_modify_deserialize_container: 'true',
  cdmi_serialize_dataobject: 'true',
  cdmi_serialize_container: 'true',
  cdmi_deserialize_dataobject: 'true',
  cdmi_deserialize_container: 'true',
  cdmi_create_dataobject: 'true',
  cdmi_post_dataobject: 'true',
  cdmi_create_container: 'true',
  cdmi_create_value_range: 'true',
  cdmi_create_reference: 'true',
  cdmi_copy_dataobject: 'true',
  cdmi_move_dataobject: 'true',
  cdmi_copy_container: 'true',
  cdmi_move_container: 'true',
  cdmi_delete_container: 'true'
} as const satisfies Catalogue<string>

export const catalogue = { system, dataobject, container }

/** What stands for nothing without another one: where that is switched off these are not offered either (GEN-01, CAP-16). */
export const dependents: Readonly<Partial<Record<keyof typeof system, ReadonlyArray<keyof typeof system | keyof typeof dataobject | keyof typeof container>>>> = {
  cdmi_dataobjects: [
    'cdmi_create_dataobject', 'cdmi_post_dataobject', 'cdmi_post_dataobject_by_ID', 'cdmi_create_value_range', 'cdmi_create_value_range_by_ID',
    'cdmi_copy_dataobject', 'cdmi_copy_dataobject_by_ID', 'cdmi_move_dataobject', 'cdmi_deserialize_dataobject', 'cdmi_deserialize_dataobject_by_ID',
    'cdmi_serialize_dataobject', 'cdmi_serialize_container', 'cdmi_serialize_dataobject_to_ID', 'cdmi_serialize_container_to_ID'
  ],
  cdmi_references: ['cdmi_create_reference', 'cdmi_create_reference_by_ID'],
  cdmi_serialization_json: [
    'cdmi_serialize_dataobject', 'cdmi_serialize_container', 'cdmi_serialize_dataobject_to_ID', 'cdmi_serialize_container_to_ID', 'cdmi_deserialize_dataobject',
    'cdmi_deserialize_container', 'cdmi_deserialize_dataobject_by_ID', 'cdmi_modify_deserialize_dataobject', 'cdmi_modify_deserialize_container'
  ],
  cdmi_security_data_integrity: ['cdmi_value_hash'],
  cdmi_cors: ['cdmi_cors_methods', 'cdmi_cors_origins', 'cdmi_cors_headers'],
  cdmi_partial_uploadid: ['cdmi_partial_count', 'cdmi_partial_range', 'cdmi_partial_replace', 'cdmi_partial_timeout'],
  cdmi_capabilities_templates: ['cdmi_capabilities_exact_inherit']
}

/** Names of the capabilities of one scope. */
export type CapabilityOf<S extends Scope> = keyof (typeof catalogue)[S] & string
