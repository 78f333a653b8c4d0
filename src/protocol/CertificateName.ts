/** Whose a certificate is, or who has issued it, for people: the runtime has one part a line. */
export const inOneLine = (name: string | undefined): string => name?.replaceAll("\n", ", ") ?? ""
