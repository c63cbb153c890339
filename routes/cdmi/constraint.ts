/** Routes that speak CDMI's media types stand beside the plain ones, on the same URIs (GEN-06): the router tells them apart by this. */
export const cdmiConstraint = { cdmiMediaType: 'cdmi' } as const
