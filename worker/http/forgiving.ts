import { z } from 'zod';

/**
 * A value as callers in other languages mean it: null for a field that may be left out is left out, and an empty list
 * where a map belongs is an empty map (PHP has one type for both). Where null has a meaning of its own it stays.
 */
export function forgiving(schema: z.ZodType, value: unknown): unknown {
  const inner = plain(schema);
  if (inner instanceof z.ZodRecord) return mapOf(value);
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    const element = inner.element as z.ZodType;
    return plain(element) instanceof z.ZodObject ? value.map((one) => forgiving(element, one)) : value;
  }
  if (!(inner instanceof z.ZodObject) || !isMap(value)) return value;
  const shape: Record<string, z.ZodType> = inner.shape;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]) => {
      const field = Object.hasOwn(shape, name) ? shape[name] : undefined;
      if (!field) return [[name, one]];
      return one === null && mayBeLeftOut(field) ? [] : [[name, forgiving(field, one)]];
    }),
  );
}

function mapOf(value: unknown): unknown {
  if (Array.isArray(value) && value.length === 0) return {};
  return isMap(value) ? Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null)) : value;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mayBeLeftOut(field: z.ZodType): boolean {
  return field.safeParse(undefined).success && !field.safeParse(null).success;
}

const known = new WeakMap<z.ZodType, z.ZodType>();

/** What a schema says of a value's shape, without what is done before and after. */
function plain(schema: z.ZodType): z.ZodType {
  const seen = known.get(schema);
  if (seen) return seen;
  const found = unwrapped(schema);
  known.set(schema, found);
  return found;
}

function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return plain(schema.unwrap() as z.ZodType);
  }
  if (!(schema instanceof z.ZodPipe)) return schema;
  const side = schema.in instanceof z.ZodTransform ? schema.out : schema.in;
  return plain(side as z.ZodType);
}
