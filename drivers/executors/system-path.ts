/** PATH of the host program, and of the applications it starts, unless somebody says otherwise. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
