mod eigen_pack;
mod families;
mod oracle;
